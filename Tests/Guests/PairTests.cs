using System.Diagnostics;
using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>Linux's own endpoint self-test, between two guests on stock QEMU.</summary>
internal sealed class PairTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);

    // The EP side of the self-test, with another driver and window device each time.
    private const string Reload = """
        #!/bin/sh
        set -eu
        config=/sys/kernel/config/pci_ep
        virtio=/sys/bus/virtio/drivers/pcie-qemu-ep-window
        for round in 1 2 3; do
            modprobe -r pcie-qemu-ep
            modprobe pcie-qemu-ep
            set -- "$config"/controllers/*
            [ -e "$1" ]
        done

        # Without its device the controller is still there, and finds it again when it is probed anew.
        set -- "$virtio"/virtio*
        device=${1##*/}
        echo "$device" >"$virtio/unbind"
        echo "$device" >"$virtio/bind"
        modprobe -r pcie-qemu-ep
        modprobe pcie-qemu-ep
        exec /epftest/ep
        """;

    [Test]
    public void SelfTestPassesOnTheDirectPath()
    {
        string[] lines = RunPair();
        Assert.That(lines, Does.Contain("22 passed, 0 failed, 1 skipped"));
    }

    /// <summary>Transfers in pieces, through the smallest window, by a driver that was loaded anew.</summary>
    [Test]
    public void SmallMappedWindowIsFoundAgainAndUsedInPieces()
    {
        using var folder = new TemporaryFolder();
        string script = folder.File("reload.sh");
        File.WriteAllText(script, Reload);
        string[] lines = RunPair(
            "--window", "1M", "--cases", "-v memcpy", "--ep-script", script,
            "--add", $"{Path.Combine(Repository.Root, "scenarios", "self-test", "ep")}:/epftest/", "--out", folder.Path,
            "--log-level", "Debug");
        Assert.That(lines, Does.Contain("3 passed, 0 failed, 0 skipped"));

        // READ and WRITE of 1,024,000 and 1,024,001 bytes in two pieces each, COPY in twice as many.
        string[] log = File.ReadAllLines(folder.File("EpcDevice.log"));
        Assert.That(log.Count(line => line.Contains("1 added", StringComparison.Ordinal)), Is.EqualTo(4 + 4 + 8));
    }

    /// <summary>
    /// All cases but those in which more than a megabyte moves by 4-byte accesses of a vCPU, every access a TLP: under
    /// TCG these take most of the kernel's own 30 s each, or more. scripts/run-pair.sh runs them, too.
    /// </summary>
    [Test]
    public void SelfTestPassesOnTheTlpPath()
    {
        string[] lines = RunPair("--cases", "-V memcpy -T CONSECUTIVE_BAR_TEST", "--datapath", "tlp");
        Assert.That(lines, Does.Contain("18 passed, 0 failed, 1 skipped"));
    }

    /// <summary>Between the processes is what carries no descriptors, as between two machines.</summary>
    [Test]
    public void SelfTestPassesThroughARelay()
    {
        string[] lines = RunPair(
            "--relay", "--datapath", "tlp", "--cases",
            "-v BAR0 -v BAR1 -v dma -t LEGACY_IRQ_TEST -t MSI_TEST -t MSIX_TEST -t DOORBELL_TEST");
        Assert.That(lines, Does.Contain("10 passed, 0 failed, 1 skipped"));
    }

    /// <summary>
    /// What QEMU does not share is reached by messages. Transfers by DMA only: of 4-byte accesses, a message each, a
    /// megabyte takes longer than the kernel waits. They go through the mapped window where the host's memory can be
    /// mapped, else through the trapped one. An IOMMU that translates makes QEMU map and unmap what each transfer uses.
    /// </summary>
    [TestCase("--ep-memory private --host-memory private")]
    [TestCase("--host-memory private --iommu translate")]
    public void TransfersPassWithoutSharedMemory(string options)
    {
        string[] lines = RunPair(["--cases", "-v dma", .. options.Split(' ')]);
        Assert.That(lines, Does.Contain("3 passed, 0 failed, 0 skipped"));
    }

    /// <summary>DMA only: the mapped window shows no huge pages, so accesses of a vCPU trap.</summary>
    [TestCase("direct")]
    [TestCase("tlp")]
    public void TransfersPassInHugePages(string dataPath)
    {
        const int BytesOfBothGuests = 2 * (512 << 20);
        using var pages = new HugePages(BytesOfBothGuests / HugePages.Size);
        string[] lines = RunPair(
            "--cases", "-v dma", "--datapath", dataPath, "--ep-memory", "huge", "--host-memory", "huge");
        Assert.That(lines, Does.Contain("3 passed, 0 failed, 0 skipped"));
    }

    [Test]
    [Category("Slow")]
    [Repeat(10)]
    public void TenSelfTestsPassThroughTheHostsIommu()
    {
        using ScenarioRun run = new ScenarioRun("self-test").With("--iommu", "translate").Run();
        Assert.That(run.Lines, Does.Contain("22 passed, 0 failed, 1 skipped"));
    }

    internal static string[] RunPair(params string[] arguments) => RunPair(0, out _, arguments);

    /// <summary>Runs scripts/run-pair.sh and expects it to end with <paramref name="status"/>.</summary>
    /// <param name="messages">What it printed on stderr.</param>
    internal static string[] RunPair(int status, out string messages, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "scripts", "run-pair.sh"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string word in GuestRun.Options)
        {
            start.ArgumentList.Add(word);
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"run-pair.sh was not done after {s_limit}");
        }

        Assert.That(
            process.ExitCode, Is.EqualTo(status), () => $"run-pair.sh failed:\n{output.Result}\n{errors.Result}");
        messages = errors.Result;
        return output.Result.Split('\n');
    }
}
