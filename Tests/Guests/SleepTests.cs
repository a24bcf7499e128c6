using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>A host that sleeps finds the endpoint as it was; the EP guest refuses to sleep.</summary>
internal sealed class SleepTests
{
    [Test]
    public void SelfTestPassesAfterEachKindOfSleep() => Sleep();

    [Test]
    public void NvmeReadsAreRightAfterEachKindOfSleep() =>
        Sleep("--ep-script", Path.Combine(Repository.Root, "scenarios", "nvme", "ep"), "--dma", "slave");

    private static void Sleep(params string[] options)
    {
        using ScenarioRun run = new ScenarioRun("sleep").With(options).Run();
        foreach (string kind in (string[])["rehearsal of the core", "suspend to idle", "suspend to RAM again"])
        {
            Assert.That(run.Lines, Has.Some.Contains($"sleep: {kind}: all is right"));
        }
    }
}
