using EpfTest.Rig.Results;

namespace EpfTest.Unit.Rig.Results;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class KtapReaderTests
{
    private readonly KtapReader _reader = new();

    [Test]
    public void ASelfTestsCasesHaveNameStatusAndDuration()
    {
        CaseResult[] cases = Read(
            "TAP version 13",
            "1..3",
            "# Starting 3 tests from 1 test cases.",
            "#  RUN           pci_ep_basic.MSI_TEST ...",
            "#            OK  pci_ep_basic.MSI_TEST",
            "ok 1 pci_ep_basic.MSI_TEST",
            "#  RUN           pci_ep_bar.BAR5.BAR_TEST ...",
            "#      SKIP      BAR is test register space",
            "#            OK  pci_ep_bar.BAR5.BAR_TEST",
            "ok 2 pci_ep_bar.BAR5.BAR_TEST # SKIP BAR is test register space",
            "#  RUN           pci_ep_basic.MSIX_TEST ...",
            "# pci_endpoint_test.c:180:MSIX_TEST:Expected 0 (0) == ret (-110)",
            "# MSIX_TEST: Test failed",
            "#          FAIL  pci_ep_basic.MSIX_TEST",
            "not ok 3 pci_ep_basic.MSIX_TEST",
            "# FAILED: 2 / 3 tests passed.",
            "# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0");
        Assert.Multiple(() =>
        {
            Assert.That(string.Join(' ', cases.Select(item => item.Status)), Is.EqualTo("Passed Skipped Failed"));
            Assert.That(string.Join(", ", cases.Select(item => item.Title)), Is.EqualTo(
                "MSI_TEST, BAR_TEST (BAR5), MSIX_TEST"));
            Assert.That(cases[0].Duration, Is.EqualTo(TimeSpan.FromSeconds(2)), "a second a line");
            Assert.That(cases[1].Reason, Is.EqualTo("BAR is test register space"));
            Assert.That(cases[1].Notes, Is.Empty);
            Assert.That(string.Join('|', cases[2].Notes), Is.EqualTo(
                "pci_endpoint_test.c:180:MSIX_TEST:Expected 0 (0) == ret (-110)|MSIX_TEST: Test failed"));
            Assert.That((_reader.Planned, _reader.Ended), Is.EqualTo((3, 3)));
        });
    }

    [Test]
    public void TheCaseThatRunsHasAName()
    {
        Read("1..2", "#  RUN           pci_ep_basic.MSI_TEST ...");
        Assert.That(_reader.Current, Is.EqualTo("pci_ep_basic.MSI_TEST"));
        Read("ok 1 pci_ep_basic.MSI_TEST");
        Assert.That(_reader.Current, Is.Null);
    }

    [Test]
    public void AnAbandonedCaseHasFailedAndKeepsItsNotes()
    {
        Read("1..2", "#  RUN           pci_ep_basic.MSI_TEST ...", "# waiting");
        CaseResult? abandoned = _reader.Abandon(TimeSpan.FromSeconds(61));
        Assert.That(abandoned?.Status, Is.EqualTo(CaseStatus.Failed));
        Assert.That(abandoned?.Duration, Is.EqualTo(TimeSpan.FromSeconds(60)));
        Assert.That(abandoned?.Notes, Has.Count.EqualTo(1));
        Assert.That(_reader.Abandon(TimeSpan.FromSeconds(62)), Is.Null, "no case runs");
    }

    [TestCase("ok 1 a.b # XFAIL known", CaseStatus.Passed, "a.b", "XFAIL", "known")]
    [TestCase("ok 1 a.b # XPASS", CaseStatus.Passed, "a.b", "XPASS", "")]
    [TestCase("ok 1 - selftests: pci_endpoint: test # SKIP no device", CaseStatus.Skipped,
        "selftests: pci_endpoint: test", "SKIP", "no device")]
    [TestCase("ok 1 # SKIP no device", CaseStatus.Skipped, "no device", "SKIP", "no device")]
    [TestCase("not ok 1 a.b # exit=1", CaseStatus.Failed, "a.b", "", "exit=1")]
    [TestCase("not ok 1 a.b # TIMEOUT 45 seconds", CaseStatus.Failed, "a.b", "", "TIMEOUT 45 seconds")]
    public void AResultLineHasADirectiveAndAReason(
        string line, CaseStatus status, string name, string directive, string reason)
    {
        CaseResult result = Read(line).Single();
        Assert.That(
            (result.Status, result.Name, result.Directive, result.Reason),
            Is.EqualTo((status, name, directive, reason)));
    }

    [Test]
    public void ABailOutIsANoteOfTheCaseThatRan()
    {
        CaseResult result = Read(
            "#  RUN           a.b ...", "Bail out! no device", "not ok 1 a.b").Single();
        Assert.That(result.Notes.Single(), Is.EqualTo("Bail out! no device"));
    }

    // The example of Documentation/dev-tools/ktap.rst, shortened.
    [Test]
    public void OfNestedTestsTheInnermostAreCases()
    {
        CaseResult[] cases = Read(
            "KTAP version 1",
            "1..2",
            "  KTAP version 1",
            "  # Subtest: suite",
            "  1..2",
            "    KTAP version 1",
            "    1..2",
            "    not ok 1 test_1",
            "    ok 2 test_2",
            "  not ok 1 inner",
            "  ok 2 - alone",
            "not ok 1 suite",
            "ok 2 last");
        Assert.That(
            string.Join(' ', cases.Select(item => $"{item.Name}={item.Status}")),
            Is.EqualTo("test_1=Failed test_2=Passed suite.alone=Passed last=Passed"));
        Assert.That((_reader.Planned, _reader.Ended), Is.EqualTo((2, 2)));
    }

    [Test]
    public void ATestThatFailsWithoutAFailedSubtestIsACase()
    {
        CaseResult[] cases = Read("1..1", "  1..1", "  ok 1 inner", "not ok 1 outer");
        Assert.That(
            string.Join(' ', cases.Select(item => $"{item.Name}={item.Status}")),
            Is.EqualTo("inner=Passed outer=Failed"));
    }

    [Test]
    public void ATestThatDidNotRunAllItsSubtestsHasFailed()
    {
        CaseResult[] cases = Read("1..1", "  1..3", "  ok 1 inner", "ok 1 outer");
        Assert.That(cases[1].Status, Is.EqualTo(CaseStatus.Failed));
        Assert.That(cases[1].Notes.Single(), Is.EqualTo("it ended after 1 of 3 subtests"));
    }

    // What run_kselftest.sh prints.
    [Test]
    public void TheRunnerOfSelfTestsNestsByHashes()
    {
        CaseResult[] cases = Read(
            "TAP version 13",
            "1..1",
            "# timeout set to 0",
            "# selftests: pci_endpoint: pci_endpoint_test",
            "# TAP version 13",
            "# 1..2",
            "# # Starting 2 tests from 1 test cases.",
            "# #  RUN           pci_ep_basic.MSI_TEST ...",
            "# #            OK  pci_ep_basic.MSI_TEST",
            "# ok 1 pci_ep_basic.MSI_TEST",
            "# ok 2 pci_ep_bar.BAR5.BAR_TEST # SKIP BAR is test register space",
            "# # Totals: pass:1 fail:0 xfail:0 xpass:0 skip:1 error:0",
            "ok 1 selftests: pci_endpoint: pci_endpoint_test");
        Assert.That(
            string.Join(' ', cases.Select(item => $"{item.Name}={item.Status}")),
            Is.EqualTo("pci_ep_basic.MSI_TEST=Passed pci_ep_bar.BAR5.BAR_TEST=Skipped"));
        Assert.That(cases[0].Duration, Is.EqualTo(TimeSpan.FromSeconds(2)));
    }

    private CaseResult[] Read(params string[] lines) =>
        [.. lines.Select((line, i) => _reader.Read(TimeSpan.FromSeconds(i), line)).OfType<CaseResult>()];
}
