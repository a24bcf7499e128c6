using EpfTest.Kit;
using EpfTest.Rig.Soak;
using EpfTest.Unit.Rig.Pairs;

namespace EpfTest.Unit.Rig.Soak;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SoakJudgeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakePair _pair;

    public SoakJudgeTests()
    {
        File.WriteAllText(_folder.File("pid"), $"{Environment.ProcessId}\n");
        _pair = new FakePair(judge: (output, _) => new SoakJudge(
            [("Unit", _folder.File("pid"))], _folder.File("samples"), output));
        _pair.Script("ep").Print("epftest: ready");
    }

    public void Dispose()
    {
        _pair.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void ACycleIsCountedAndTheProcessesAreSampled()
    {
        _pair.Script("host").Print(
            "soak: begin", "soak: cycle 1", "ok 1 pci_ep_basic.MSI_TEST", "not ok 2 pci_ep_basic.MSI_TEST",
            "soak: faults");
        End(host: 0);
        Assert.That(_pair.Finish(), Is.EqualTo(1), "a case has failed");
        SoakReport report = ((SoakJudge)_pair.Judge).Report!;
        Assert.That(report.Lines, Does.Contain("cases of the self-test:  1 passed, 1 failed"));
        Assert.That(_pair.Judge.Reasons, Is.EqualTo(report.Losses).And.Contains("1 cases of the self-test failed"));
        Assert.That(File.ReadLines(_folder.File("samples")).Single(), Does.Match(@"^0 Unit( \d+){4}$"));
        Assert.That(_pair.Messages, Does.StartWith("0m00s: cycle 0, 0 faults, 0 cases passed, 0 failed\n"));
        Assert.That(_pair.Messages, Does.Contain("failed in cycle 1: pci_ep_basic.MSI_TEST"));
    }

    [Test]
    public void AScriptThatGivesUpIsALoss()
    {
        _pair.Script("host").Print("soak: begin", "soak: failed: the endpoint was not plugged in");
        End(host: 1);
        Assert.That(_pair.Finish(), Is.EqualTo(1));
        Assert.That(_pair.Judge.Reasons.Take(2), Is.EqualTo([
            "the endpoint was not plugged in", "a script ended with 1",
        ]));
    }

    [Test]
    public void WhatEndsTheRunIsALoss()
    {
        _pair.Script("host").Print("soak: begin");
        Wait.Until(() => _pair.Judge.Awaited == "begin", "the soak begins");
        _pair.ProcessOf("EpcDevice").End(134);
        _pair.AssertEnds(125, "EpcDevice ended with status 134");
        Assert.That(_pair.Judge.Reasons[0], Is.EqualTo("EpcDevice ended with status 134"));
    }

    private void End(int host)
    {
        _pair.Script("host").Exit(host);
        Assert.That(_pair.Script("ep").Hear(), Is.EqualTo("host done"));
        _pair.Script("ep").Exit(0);
    }
}
