namespace EpfTest.Guests;

/// <summary>A reset by the host reaches the endpoint's functions.</summary>
internal sealed class HotResetTests
{
    /// <summary>
    /// 32 reads of NVMe, 30 s each, are under way when the host reboots. They end when the next kernel has enabled bus
    /// mastering and filled its memory. The function is told that its link was down at the reboot and at a bus reset,
    /// and not at a function-level reset.
    /// </summary>
    [Test]
    public void WhatIsUnderWayForAHostThatRebootsDoesNotReachItsNextKernel()
    {
        using ScenarioRun run = new ScenarioRun("hot-reset").Run();
        Assert.That(run.Lines, Has.Some.Match("memory: 0 of [1-9][0-9]+ MiB have changed"));
        Assert.That(run.Lines, Has.Some.Contains("hot-reset: link down 2 times, up 3 times"));
    }
}
