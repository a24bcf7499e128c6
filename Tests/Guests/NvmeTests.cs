namespace EpfTest.Guests;

/// <summary>NVMe, nvmet-pci-epf, through the host's IOMMU: it maps and unmaps the memory of each transfer.</summary>
internal sealed class NvmeTests
{
    /// <summary>Requests of 4 MiB, and the device given to vfio-pci, which maps memory of its own, and back.</summary>
    [Test]
    public void LargeRequestsAreRightAndSoIsWhatFollowsVfio()
    {
        using var tests = new VfioSelfTest();
        using ScenarioRun run = new ScenarioRun("nvme")
            .With("--iommu", "translate")
            .WithText("nvme.conf", "mdts=4096\n")
            .With("--add", $"{tests.Device}:/epftest/", "--add", $"{tests.Mapping}:/epftest/")
            .Run();
        Assert.That(run.Lines, Has.Some.Contains("nvme: at first: 32 MiB are right, requests of up to 4096 KiB"));
        Assert.That(run.Lines, Has.Some.Match("nvme: vfio_pci_device_test: .*pass:[1-9][0-9]* fail:0"));
        Assert.That(run.Lines, Has.Some.Match("nvme: vfio_dma_mapping_test: .*pass:[1-9][0-9]* fail:0"));
        Assert.That(run.Lines, Has.Some.Contains("nvme: after vfio-pci: 32 MiB are right"));
    }

    [Test]
    [Category("Slow")]
    [Repeat(10)]
    public void TenRunsAreRight() => LargeRequestsAreRightAndSoIsWhatFollowsVfio();

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
