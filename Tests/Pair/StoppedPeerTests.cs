using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair;

/// <summary>
/// One of the two processes stands still (SIGSTOP): the other goes on to answer its own QEMU, what needs both fails in
/// time, and all is well once it goes on.
/// </summary>
[TestFixture("direct")]
[TestFixture("tlp")]
internal sealed class StoppedPeerTests(string dataPath)
{
    private const int Rounds = 20;
    private const uint Bar = 2;
    private const ulong EpBuffer = 0x80_0000;
    private const ulong HostBuffer = 0x20_0000;
    private const uint CompletionTimeoutError = 1 << 14;

    private TemporaryFolder _folder = null!;
    private ChildProcess _epc = null!;
    private ChildProcess _bridge = null!;
    private EpGuest? _epGuest;
    private HostGuest? _hostGuest;

    private EpGuest Ep => _epGuest!;

    private HostGuest Host => _hostGuest!;

    [SetUp]
    public void Start()
    {
        _folder = new TemporaryFolder();
        string hostSocket = _folder.File("host");
        string epSocket = _folder.File("ep");
        string[] options = ["--link", _folder.File("link"), "--datapath", dataPath, "--completion-timeout", "200"];
        _epc = ChildProcess.StartOurs("EpcDevice", ["--socket", epSocket, .. options]);
        _bridge = ChildProcess.StartOurs("EpfBridge", ["--socket", hostSocket, .. options]);
        _epGuest = new EpGuest(epSocket);
        Ep.MapPrivateMemory();
        Ep.SetUp(0);
        Ep.SetBar(0, (int)Bar, EpGuest.BarSize, 0, (0, EpGuest.BarSize, GuestClient.PrivateStart));
        Ep.MapOutbound(0, 0, 0x1000, GuestClient.PrivateStart);
        Ep.MapOutbound(1, 0x1000, 0x1000, HostBuffer);
        Ep.LinkUp();
        _hostGuest = new HostGuest(hostSocket);
        Host.Enable();
        Host.MapPrivateMemory();
        ExpectService(0);
    }

    [TearDown]
    public void Stop()
    {
        _bridge.IsStopped = false;
        _epc.IsStopped = false;
        _hostGuest?.Dispose();
        _epGuest?.Dispose();
        _bridge.Dispose();
        _epc.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void StoppedBridge()
    {
        var channel = new EpDmaChannel(Ep, 0);
        for (int round = 1; round <= Rounds; round++)
        {
            _bridge.IsStopped = true;
            Assert.That(Ep[EpcRegister.Id], Is.EqualTo(EpcRegister.IdValue));
            Assert.That(Ep.ReadWindow(8, 8), Is.All.EqualTo(byte.MaxValue), "what only the host's QEMU reaches");
            channel.Submit(GuestClient.PrivateStart, EpBuffer, 64, EpDmaChannel.FromHost);

            // A message, which is posted.
            Assert.That(Ep.RaiseMsi(0), Is.EqualTo(EpcRegister.ResultNotEnabled));
            Assert.That(channel.Finish(), Is.EqualTo(EpcRegister.DescStatusSourceError));
            _bridge.IsStopped = false;
            ExpectService(round);
            Assert.That(Host.UncorrectableErrors & CompletionTimeoutError, Is.Not.Zero);
            Host.UncorrectableErrors = CompletionTimeoutError;
        }
    }

    [Test]
    public void InterruptOfAStoppedBridge()
    {
        EventFd[] signals = Host.EnableMsix(4);
        try
        {
            for (int round = 1; round <= Rounds; round++)
            {
                // The bridge passes the eventfd after the first.
                Assert.That(Ep.RaiseMsix(1), Is.Zero);
                Wait.Until(() => signals[1].Drain() > 0, "the first interrupt comes");
                ExpectService(round);
                _bridge.IsStopped = true;
                Assert.That(Ep.RaiseMsix(1), Is.Zero);
                if (dataPath == "direct")
                {
                    Wait.Until(() => signals[1].Drain() > 0, "the second comes without the bridge");
                }
                else
                {
                    Assert.That(signals[1].Drain(), Is.Zero, "a TLP to the bridge");
                }

                _bridge.IsStopped = false;
                if (dataPath == "tlp")
                {
                    Wait.Until(() => signals[1].Drain() > 0, "it arrives");
                }
            }
        }
        finally
        {
            Array.ForEach(signals, signal => signal.Dispose());
        }
    }

    [Test]
    public void StoppedEpcDevice()
    {
        for (int round = 1; round <= Rounds; round++)
        {
            _epc.IsStopped = true;
            Assert.That(Host.ReadConfig(0), Is.EqualTo(uint.MaxValue));
            Host.Write32(Bar, 0x800, (uint)round);
            Assert.That(Host.RegionInfo(7).Info, Is.Not.Empty, "what the bridge knows itself");
            _epc.IsStopped = false;
            ExpectService(round);
            Wait.Until(() => Ep.Load32(GuestClient.PrivateStart + 0x800) == round, "the write was posted and arrives");
        }
    }

    private void ExpectService(int round)
    {
        byte[] data = TestBytes.From((ulong)round, 64);
        foreach ((ulong address, ulong offset) in new[] { (GuestClient.PrivateStart, 0ul), (HostBuffer, 0x1000ul) })
        {
            Host.Store(address + 0x100, data);
            Wait.Until(
                () => Ep.ReadWindow(offset + 0x100, 64).AsSpan().SequenceEqual(data), "the EP reads the host's memory");
        }

        Ep.Store(GuestClient.PrivateStart + 0x200, data);
        Wait.Until(() => Host.Read(Bar, 0x200, 64).AsSpan().SequenceEqual(data), "the host reads the BAR");
    }
}
