namespace EpfTest.Guests;

/// <summary>NVMe: nvmet-pci-epf.</summary>
internal sealed class NvmeTests
{
    /// <summary>
    /// Reads of 4 MiB, in requests as large as the kernels make them: nvmet-pci-epf takes 2 MiB at most, and with an
    /// IOMMU, which maps and unmaps the memory of each request, Linux asks for 128 KiB. Then the device is given to
    /// vfio-pci, which maps memory of its own, and back.
    /// </summary>
    [TestCase("pass", 2048)]
    [TestCase("translate", 128)]
    public void LargeReadsAreRightAndSoIsWhatFollowsVfio(string iommu, int kibibytes)
    {
        using var tests = new VfioSelfTest();
        using ScenarioRun run = new ScenarioRun("nvme")
            .With("--iommu", iommu)
            .WithText("nvme.conf", "mdts=4096\n")
            .With("--add", $"{tests.Device}:/epftest/", "--add", $"{tests.Mapping}:/epftest/")
            .Run();
        Assert.That(
            run.Lines, Has.Some.Contains($"nvme: at first: 32 MiB are right, requests of up to {kibibytes} KiB"));
        Assert.That(run.Lines, Has.Some.Match("nvme: vfio_pci_device_test: .*pass:[1-9][0-9]* fail:0"));
        Assert.That(run.Lines, Has.Some.Match("nvme: vfio_dma_mapping_test: .*pass:[1-9][0-9]* fail:0"));
        Assert.That(run.Lines, Has.Some.Contains("nvme: after vfio-pci: 32 MiB are right"));
    }

    [Test]
    [Category("Slow")]
    [Repeat(10)]
    public void TenRunsThroughTheIommuAreRight() => LargeReadsAreRightAndSoIsWhatFollowsVfio("translate", 128);

    [Test]
    public void HostThatRebootsTwiceUnderReadsFindsItsDataAndItsMemory() => Reboot(2);

    [Test]
    [Category("Slow")]
    public void HostThatRebootsTwentyTimesUnderReadsFindsItsDataAndItsMemory() => Reboot(20);

    private static void Reboot(int rounds)
    {
        using ScenarioRun run = new ScenarioRun("nvme-reboot")
            .With("--timeout", "1700")
            .WithText("rounds", $"{rounds}\n")
            .Run();
        Assert.That(run.Lines, Has.Some.Contains($"nvme-reboot: after {rounds} reboots 32 MiB are right"));
        Assert.That(
            run.Lines.Count(line => line.Contains("memory: 0 of 160 MiB have changed", StringComparison.Ordinal)),
            Is.EqualTo(rounds + 1));
    }
}
