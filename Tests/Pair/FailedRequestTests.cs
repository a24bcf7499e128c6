using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair;

/// <summary>
/// Completion time-outs, Unsupported Request and Completer Abort: all ones or dropped, recorded in the function's
/// configuration, counted, and logged once a burst.
/// </summary>
internal sealed class FailedRequestTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const int Rounds = 20;
    private const uint Bar = 2;
    private const ulong EpBuffer = 0x80_0000;
    private const ulong Nothing = 0x9_0000_0000;
    private const int SignaledTargetAbort = 1 << 11;
    private const int ReceivedTargetAbort = 1 << 12;
    private const int ReceivedMasterAbort = 1 << 13;
    private const int CompletionTimeoutError = 1 << 14;
    private const int AdvisoryError = 1 << 13;

    private EpDmaChannel _channel = null!;

    // Far longer than anything takes that is answered, even on a busy machine.
    protected override int CompletionTimeout => 250;

    [SetUp]
    public void SetUpWindows()
    {
        Ep.MapPrivateMemory();
        Ep.SetUp(0);
        Ep.SetBar(0, (int)Bar, EpGuest.BarSize, 0, (0, 0x1000, GuestClient.PrivateStart));
        Ep.MapOutbound(0, 0, 0x1000, GuestClient.PrivateStart);
        Ep.MapOutbound(1, 0x1000, 0x1000, Nothing);
        Ep.LinkUp();
        ConnectHost().MapPrivateMemory();
        _channel = new EpDmaChannel(Ep, 0);
    }

    [Test]
    public void EpsRequestThatTheHostDoesNotSupport()
    {
        ExpectOutbound(
            0x1000, Nothing, host => host.Status & ReceivedMasterAbort, host => host.Status = ReceivedMasterAbort);
        if (DataPath == DataPath.Tlp)
        {
            ExpectCount("Unsupported Request (UR)");
        }
    }

    [Test]
    public void EpsRequestThatTheHostAborts()
    {
        Host.DmaError = Errno.EIO;
        ExpectOutbound(
            0,
            GuestClient.PrivateStart,
            host => host.Status & ReceivedTargetAbort,
            host => host.Status = ReceivedTargetAbort);
        Host.DmaError = Errno.None;
        ExpectService();
        ExpectCount("Completer Abort (CA)");
    }

    [Test]
    public void EpsRequestThatTheHostsQemuDoesNotAnswer()
    {
        Host.IsStuck = true;
        ExpectOutbound(
            0,
            GuestClient.PrivateStart,
            host => (int)(host.UncorrectableErrors & CompletionTimeoutError),
            host => host.UncorrectableErrors = CompletionTimeoutError);
        Host.IsStuck = false;
        ExpectService();
        ExpectCount("completion timeouts");
    }

    [Test]
    public void HostsRequestThatTheEpDoesNotSupport()
    {
        ExpectInbound(0x2000, host => (int)(host.CorrectableErrors & AdvisoryError));
        ExpectCount("Unsupported Request (UR)");
    }

    [Test]
    public void HostsRequestThatTheEpAborts()
    {
        Ep.DmaError = Errno.EIO;
        ExpectInbound(0, host => host.Status & SignaledTargetAbort);
        Ep.DmaError = Errno.None;
        ExpectService();
        ExpectCount("Completer Abort (CA)");
    }

    [Test]
    public void HostsRequestThatTheEpsQemuDoesNotAnswer()
    {
        Ep.IsStuck = true;
        for (int round = 0; round < Rounds; round++)
        {
            Assert.That(Host.Read(Bar, 8, 8), Is.All.EqualTo(byte.MaxValue));
            if (round % 10 == 0)
            {
                Host.Write32(Bar, 16, 1);
            }

            // Other requests do not wait.
            Assert.That((ushort)Host.ReadConfig(0), Is.EqualTo(0x104c));
            Host.WriteThrough(1, 0, (uint)round);
            Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(round));
            Assert.That(Ep[EpcRegister.Id], Is.EqualTo(EpcRegister.IdValue));
        }

        ExpectOneBurst("host read");
        Ep.IsStuck = false;
        ExpectService();
        ExpectCount("completion timeouts");
    }

    /// <summary>Each access of the EP by way of a window or DMA fails.</summary>
    private void ExpectOutbound(
        ulong offset, ulong address, Func<HostGuest, int> readError, Action<HostGuest> clearError)
    {
        for (int round = 0; round < Rounds; round++)
        {
            Assert.That(readError(Host), Is.Zero);
            Assert.That(Ep.ReadWindow(offset + 8, 8), Is.All.EqualTo(byte.MaxValue));
            Assert.That(readError(Host), Is.Not.Zero, "the function's configuration tells");
            if (round % 10 == 0)
            {
                Ep.WriteWindow(offset + 16, [1, 2, 3, 4]);
                Assert.That(
                    _channel.Run(address, EpBuffer, 64, EpDmaChannel.FromHost),
                    Is.EqualTo(EpcRegister.DescStatusSourceError));
            }

            // Other requests do not wait.
            Assert.That(Ep[EpcRegister.Id], Is.EqualTo(EpcRegister.IdValue));
            Host.WriteThrough(1, 0, (uint)round);
            Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(round));
            clearError(Host);
        }

        ExpectOneBurst("outbound");
        ExpectService();
    }

    private void ExpectInbound(ulong offset, Func<HostGuest, int> readError)
    {
        for (int round = 0; round < Rounds; round++)
        {
            Assert.That(readError(Host), Is.Zero);
            Assert.That(Host.Read(Bar, offset + 8, 8), Is.All.EqualTo(byte.MaxValue));
            Assert.That(readError(Host), Is.Not.Zero, "the function's configuration tells");
            Host.Write32(Bar, offset + 16, 1);
            Host.Status = SignaledTargetAbort;
            Host.CorrectableErrors = AdvisoryError;
        }

        ExpectOneBurst("by the host");
    }

    /// <summary>Far fewer lines than failures; a machine that stands still for a second makes two bursts of
    /// one.</summary>
    private void ExpectOneBurst(string what) => Assert.That(
        Logger.Lines.Count(line => line.StartsWith("Warning", StringComparison.Ordinal)
            && line.Contains(what, StringComparison.Ordinal)
            && line.Contains("failed", StringComparison.Ordinal)),
        Is.InRange(1, Rounds / 2));

    /// <summary>What failed leaves nothing behind. A host whose answers are wanted answers.</summary>
    private void ExpectService()
    {
        if (Host.IsStuck || Host.DmaError != Errno.None || Ep.IsStuck || Ep.DmaError != Errno.None)
        {
            return;
        }

        byte[] data = TestBytes.From(7, 64);
        Host.Store(GuestClient.PrivateStart + 0x100, data);
        Wait.Until(() => Ep.ReadWindow(0x100, 64).AsSpan().SequenceEqual(data), "the EP reads the host's memory again");
        Ep.Store(GuestClient.PrivateStart + 0x200, data);
        Wait.Until(() => Host.Read(Bar, 0x200, 64).AsSpan().SequenceEqual(data), "the host reads the BAR again");
    }

    /// <summary>The requester logs at the end of the link how many requests failed in this way.</summary>
    private void ExpectCount(string what)
    {
        Bridge.Dispose();
        Wait.Until(() => Logger.Has("bridge disconnected"), "the link ends");
        int count = Logger.Lines
            .Where(line => line.Contains("requests to the other side", StringComparison.Ordinal))
            .SelectMany(line => line.Split([", ", ": ", "; "], StringSplitOptions.None))
            .Where(part => part.EndsWith(what, StringComparison.Ordinal))
            .Max(part => int.Parse(part.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));
        Assert.That(count, Is.GreaterThanOrEqualTo(Rounds));
    }
}
