using System.Globalization;
using System.Text.RegularExpressions;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair;

/// <summary>
/// Writes of the EP that fail at the host's memory: nobody answers a posted write, yet the function's configuration
/// tells, the log names function and address, and they are counted.
/// </summary>
internal sealed partial class FailedWriteTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const int Rounds = 20;
    private const ulong EpBuffer = 0x80_0000;
    private const ulong Elsewhere = 0x2000_0000;
    private const int ReceivedTargetAbort = 1 << 12;
    private const int ReceivedMasterAbort = 1 << 13;
    private const int CompletionTimeoutError = 1 << 14;

    // Far longer than anything takes that is answered, even on a busy machine.
    protected override int CompletionTimeout => 250;

    [SetUp]
    public void SetUpHost() => BringUp().MapPrivateMemory();

    [Test]
    public void ToAnAddressWithoutMemory() =>
        ExpectStatus(0x9_0000_0000, ReceivedMasterAbort, "UnsupportedRequest");

    [TestCase(Errno.EIO, ReceivedTargetAbort, "CompleterAbort")]
    [TestCase(Errno.EPERM, ReceivedTargetAbort, "CompleterAbort", TestName = "{m}(MEMTX_ACCESS_ERROR)")]
    [TestCase(Errno.ENODEV, ReceivedMasterAbort, "UnsupportedRequest", TestName = "{m}(MEMTX_DECODE_ERROR)")]
    public void ThatQemuRefuses(Errno error, int bit, string status)
    {
        Host.DmaError = error;
        ExpectStatus(GuestClient.PrivateStart, bit, status);
    }

    [Test]
    public void ThatQemuDoesNotAnswer()
    {
        Ep.MapOutbound(0, 0, 0x1000, GuestClient.PrivateStart);
        Host.IsStuck = true;
        Ep.WriteWindow(8, [1, 2, 3, 4]);
        Assert.That(Host.UncorrectableErrors & CompletionTimeoutError, Is.Not.Zero);
        Host.IsStuck = false;
        ExpectLine(GuestClient.PrivateStart + 8, "CompletionTimeout");
        Assert.That(Count("CompletionTimeout"), Is.Positive);
    }

    [Test]
    public void ToMemoryThatTheDeviceMayOnlyRead()
    {
        using var file = Memfd.Create(0x1000);
        Host.MapFile(file.Descriptor, Elsewhere, 0x1000, RawPayload.Readable);
        ExpectStatus(Elsewhere, ReceivedTargetAbort, "CompleterAbort");
    }

    [Test]
    public void ToAFileThatHasShrunk([Values] bool huge)
    {
        using HugePages? pages = huge ? new HugePages(1) : null;
        int size = huge ? HugePages.Size : 0x1000;
        using var file = Memfd.Create(size, canShrink: true, huge);
        Host.MapFile(file.Descriptor, Elsewhere, (ulong)size);
        Host.ReadConfig(0);
        file.Resize(0);
        ExpectStatus(Elsewhere, ReceivedMasterAbort, "UnsupportedRequest");
    }

    /// <summary>Writes by the window and by DMA, and expects a bit of the Status register after each.</summary>
    private void ExpectStatus(ulong address, int bit, string status)
    {
        Ep.MapOutbound(0, 0, 0x1000, address);
        var channel = new EpDmaChannel(Ep, 0);
        for (int round = 0; round < Rounds; round++)
        {
            Assert.That(Host.Status & bit, Is.Zero);
            if (round % 2 == 0)
            {
                Ep.WriteWindow(8, [1, 2, 3, 4]);
            }
            else
            {
                channel.Run(EpBuffer, address + 8, 64, EpDmaChannel.ToHost);
            }

            // Posted: where it is a TLP the EP does not wait for it.
            Wait.Until(() => (Host.Status & bit) != 0, "the function's configuration tells");
            Host.Status = (ushort)bit;
        }

        ExpectLine(address + 8, status);
        Assert.That(Count(status), Is.GreaterThanOrEqualTo(Rounds));
    }

    private void ExpectLine(ulong address, string status)
    {
        string[] lines = [.. Logger.Lines.Where(line => line.Contains("outbound", StringComparison.Ordinal)
            && line.Contains("failed:", StringComparison.Ordinal))];
        Assert.That(lines, Has.Length.InRange(1, Rounds / 2), "one line a burst");
        Assert.That(lines[0], Does.EndWith($"outbound write by function 0 at 0x{address:x} failed: {status}"));
    }

    /// <summary>EpcDevice logs at the end of the link how many requests failed in this way.</summary>
    private int Count(string status)
    {
        Bridge.Dispose();
        Logger.WaitFor("bridge disconnected");
        string line =
            Logger.Lines.Single(line => line.Contains("requests of function 0 failed", StringComparison.Ordinal));
        Match match = CountOf().Matches(line).Single(match => match.Groups["status"].Value == status);
        return int.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"(?<count>\d+) (?<status>\w+)")]
    private static partial Regex CountOf();
}
