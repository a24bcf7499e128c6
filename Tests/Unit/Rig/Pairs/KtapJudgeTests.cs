using EpfTest.Rig.Pairs;

namespace EpfTest.Unit.Rig.Pairs;

internal sealed class KtapJudgeTests
{
    private static readonly string[] s_cases =
    [
        "TAP version 13", "1..3", "# Starting 3 tests from 2 test cases.",
        "#  RUN           pci_ep_bar.BAR0.BAR_TEST ...", "#            OK  pci_ep_bar.BAR0.BAR_TEST",
        "ok 1 pci_ep_bar.BAR0.BAR_TEST",
        "#  RUN           pci_ep_basic.MSI_TEST ...", "ok 2 pci_ep_basic.MSI_TEST # SKIP MSI is off",
    ];

    [TestCase("ok 3 pci_ep_basic.MSIX_TEST", 0, 0, "2 passed, 0 failed, 1 skipped")]
    [TestCase("not ok 3 pci_ep_basic.MSIX_TEST", 1, 1, "1 passed, 1 failed, 1 skipped")]
    public void CasesAreShownAndJudged(string last, int host, int status, string counts)
    {
        using FakePair pair = Start(_ => "it is off here");
        pair.Script("host").Print([.. s_cases, last, "epftest: a remark"]);
        Finish(pair, host, ep: 0);
        Assert.That(pair.Finish(), Is.EqualTo(status));
        var judge = (KtapJudge)pair.Judge;
        Assert.That(judge.Counts, Is.EqualTo(counts));
        Assert.That(pair.Results, Does.StartWith("  ok    BAR_TEST (BAR0) ").And.Contain("  skip  MSI_TEST ")
            .And.Contain("MSI is off: it is off here").And.EndsWith("host | a remark\n"));
        Assert.That(File.ReadAllText(pair.JUnit), Does.Contain("tests=\"3\""));
    }

    [Test]
    public void ASkipThatNothingExplainsFails()
    {
        using FakePair pair = Start(_ => null);
        pair.Script("host").Print([.. s_cases, "ok 3 pci_ep_basic.MSIX_TEST"]);
        Finish(pair, host: 0, ep: 0);
        Assert.That(pair.Finish(), Is.EqualTo(1));
        Assert.That(pair.Judge.Reasons.Single(), Does.StartWith("MSI_TEST was skipped"));
    }

    [Test]
    public void ATestThatDoesNotStartEndsTheRun()
    {
        using FakePair pair = Start(_ => null);
        Finish(pair, host: 1, ep: 0);
        pair.AssertEnds(125, "the self-test did not start (exit status 1)");
    }

    [Test]
    public void ATestThatEndsEarlyEndsTheRun()
    {
        using FakePair pair = Start(_ => "off");
        pair.Script("host").Print(s_cases);
        Finish(pair, host: 139, ep: 0);
        pair.AssertEnds(125, "the self-test ended with status 139 after 2 of 3 cases");
        Assert.That(pair.Messages, Does.Contain("the run ended with 1 passed, 0 failed, 1 skipped of 3 cases"));
    }

    [Test]
    public void AnEpGuestThatFailsAfterTheTestEndsTheRun()
    {
        using FakePair pair = Start(_ => "off");
        pair.Script("host").Print([.. s_cases, "ok 3 pci_ep_basic.MSIX_TEST"]);
        Finish(pair, host: 0, ep: 1);
        pair.AssertEnds(125, "the EP guest's script ended with 1 after the test");
    }

    [Test]
    public void TheCaseThatRunsWhenTheRunEndsHasFailed()
    {
        using FakePair pair = Start(_ => "off");
        pair.Script("host").Print(s_cases.AsSpan(0, 4));
        Kit.Wait.Until(() => pair.Judge.Awaited == "BAR_TEST (BAR0)", "the case runs");
        pair.ProcessOf("EpcDevice").End(134);
        pair.AssertEnds(125, "EpcDevice ended with status 134");
        Assert.That(
            pair.Messages,
            Does.Contain("the run ended in BAR_TEST (BAR0), with 0 passed, 1 failed, 0 skipped of 3 cases"));
        Assert.That(File.ReadAllText(pair.JUnit), Does.Contain("EpcDevice ended with status 134"));
    }

    [Test]
    public void ACaseThatHangsEndsTheRun()
    {
        using FakePair pair = Start(_ => "off", TimeSpan.FromMilliseconds(1));
        pair.Script("host").Print(s_cases.AsSpan(0, 4));
        pair.AssertEnds(124, "timeout: BAR_TEST (BAR0) made no progress within 0 s");
    }

    private static FakePair Start(Func<string, string?> explain, TimeSpan? limit = null)
    {
        var pair = new FakePair(judge: (output, junit) =>
            new KtapJudge("host", limit ?? TimeSpan.FromMinutes(1), output, junit)
            {
                Test = "the self-test",
                Explain = explain,
            });
        pair.Script("ep").Print("epftest: ready");
        return pair;
    }

    private static void Finish(FakePair pair, int host, int ep)
    {
        pair.Script("host").Exit(host);
        Assert.That(pair.Script("ep").Hear(), Is.EqualTo("host done"));
        pair.Script("ep").Exit(ep);
    }
}
