using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>The kernel's non-transparent bridge, pci-epf-vntb.</summary>
internal sealed class NtbTests
{
    [TestCase("pass")]
    [TestCase("translate")]
    public void KernelsTransportsTalk(string iommu)
    {
        using ScenarioRun run = new ScenarioRun("vntb").With("--iommu", iommu).Run();
        Assert.That(run.Lines, Has.Some.Contains("vntb: 20 packets transmitted, 20 packets received"));
        Assert.That(run.Lines, Has.Some.Contains("vntb: 4 MiB are right"));
    }

    [Test]
    [Category("Slow")]
    [Repeat(10)]
    public void TenRunsTalkThroughTheHostsIommu() => KernelsTransportsTalk("translate");

    /// <summary>docs/found.md says what is wrong in the kernel; once it is mended, these fail.</summary>
    [Test]
    public void FaultsThatTwoGuestsShowAreThere()
    {
        using ScenarioRun run = new ScenarioRun("vntb-faults").Run();
        Assert.That(
            run.Lines.Count(line => line.Contains("| fault: ", StringComparison.Ordinal)), Is.EqualTo(3));
    }

    [Test]
    public void FaultsThatTheSourceShowsAreThere() => Assert.That(
        GuestKernel.Run(
            Path.Combine(Repository.Root, "scenarios", "vntb-faults", "in-user-space"),
            Path.Combine(GuestKernel.Folder, "build", "source")),
        Is.EqualTo("set BAR 4 of function 0\nfree the doorbells' 16 bytes\nclear BAR 0 of function 1\n"));
}
