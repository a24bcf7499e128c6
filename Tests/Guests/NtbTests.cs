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

    /// <summary>docs/found.md says what is wrong in the kernel; once it is mended, this fails.</summary>
    [Test]
    public void FaultsThatTheDocumentNamesAreThere()
    {
        using ScenarioRun run = new ScenarioRun("vntb-faults").Run();
        Assert.That(
            run.Lines.Count(line => line.Contains("| fault: ", StringComparison.Ordinal)), Is.EqualTo(5));
    }
}
