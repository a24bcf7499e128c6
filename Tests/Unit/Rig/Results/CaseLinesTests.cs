using EpfTest.Rig.Results;

namespace EpfTest.Unit.Rig.Results;

/// <summary>The forms that scripts of users read.</summary>
internal sealed class CaseLinesTests
{
    private static readonly CaseResult s_case = new("pci_ep_bar.BAR0.BAR_TEST", CaseStatus.Passed, Seconds(1.29));

    [Test]
    public void APassedCaseHasItsTimeInTenths() =>
        Assert.That(Lines(s_case), Is.EqualTo("  ok    BAR_TEST (BAR0)                 1.2 s"));

    [Test]
    public void AnExpectedFailureSaysSo() => Assert.That(
        Lines(s_case with { Directive = "XFAIL", Reason = "known", Duration = Seconds(1234) }),
        Is.EqualTo("  ok    BAR_TEST (BAR0)              1234.0 s  XFAIL known"));

    [Test]
    public void AFailedCaseHasWhatTheTestSaid() => Assert.That(
        Lines(s_case with { Status = CaseStatus.Failed, Notes = ["one", "two"] }),
        Is.EqualTo("  FAIL  BAR_TEST (BAR0)                 1.2 s\n         one\n         two"));

    [Test]
    public void ASkipHasItsExplanation()
    {
        CaseResult skip = s_case with { Status = CaseStatus.Skipped, Reason = "MSI2 is disabled" };
        Assert.That(Lines(skip), Is.EqualTo(
            "  SKIP  BAR_TEST (BAR0)                 1.2 s  MSI2 is disabled: unexplained"));
        Assert.That(Lines(skip with { Explanation = "one vector" }), Is.EqualTo(
            "  skip  BAR_TEST (BAR0)                 1.2 s  MSI2 is disabled: one vector"));
    }

    [Test]
    public void CountsAreTheLastLineOfARun() =>
        Assert.That(
            CaseCounts.Of([s_case, s_case, s_case with { Status = CaseStatus.Failed }]).ToString(),
            Is.EqualTo("2 passed, 1 failed, 0 skipped"));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static string Lines(CaseResult result) => string.Join('\n', CaseLines.Of(result));
}
