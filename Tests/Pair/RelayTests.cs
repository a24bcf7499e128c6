using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair;

/// <summary>
/// A link through a relay that carries bytes and no descriptors, as between two machines (docs/two-machines.md).
/// </summary>
internal sealed class RelayTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const ulong HostBuffer = 0x20_0000;
    private const ulong EpBuffer = 0x80_0000;

    private ChildProcess? _relay;

    protected override string BridgeLink => LinkSocket + ".relay";

    [SetUp]
    public void StartRelay() => _relay = StartSocat();

    [TearDown]
    public void StopRelay() => _relay?.Dispose();

    [Test]
    public void BothSidesSayThatThereIsNoDirectPath()
    {
        BringUp();
        const string Warning = "no descriptor passes on this link";
        int expected = DataPath == DataPath.Direct ? 2 : 0;
        Assert.That(Logger.Lines.Count(line => line.Contains(Warning, StringComparison.Ordinal)), Is.EqualTo(expected));
    }

    [Test]
    public void DataTravelsBothWays()
    {
        HostGuest host = BringUp();
        byte[] data = TestBytes.From(1, EpGuest.BarSize);
        host.Write(3, 0, data);
        Assert.That(host.Read(3, 0, data.Length), Is.EqualTo(data));
        Assert.That(Ep.Load(EpGuest.TargetOf(0, 3), data.Length), Is.EqualTo(data));

        Ep.MapOutbound(0, 0x10_0000, 0x20_0000, HostBuffer);
        data = TestBytes.From(2, 1 << 20);
        Ep.WriteWindow(0x10_0000, data);
        Assert.That(Ep.ReadWindow(0x10_0000, data.Length), Is.EqualTo(data));
        Assert.That(host.Load(HostBuffer, data.Length), Is.EqualTo(data));
    }

    [Test]
    public void DmaMovesDataBothWays()
    {
        HostGuest host = BringUp();
        byte[] data = TestBytes.From(3, 1 << 20);
        host.Store(HostBuffer, data);
        var channel = new EpDmaChannel(Ep, 0);
        Assert.That(
            channel.Run(HostBuffer, EpBuffer, data.Length, EpDmaChannel.FromHost),
            Is.EqualTo(EpcRegister.DescStatusDone));
        Assert.That(Ep.Load(EpBuffer, data.Length), Is.EqualTo(data));
        host.Store(HostBuffer, new byte[data.Length]);
        Assert.That(
            channel.Run(EpBuffer, HostBuffer, data.Length, EpDmaChannel.ToHost),
            Is.EqualTo(EpcRegister.DescStatusDone));

        // The read pushes the writes.
        Assert.That(
            channel.Run(HostBuffer, EpBuffer, 1, EpDmaChannel.FromHost), Is.EqualTo(EpcRegister.DescStatusDone));
        Assert.That(host.Load(HostBuffer, data.Length), Is.EqualTo(data));
    }

    [Test]
    public void InterruptsArriveWithoutEventFds()
    {
        HostGuest host = BringUp();
        EventFd[] signals = Own(host.EnableMsix());
        for (int round = 0; round < 3; round++)
        {
            Assert.That(Ep.RaiseMsix(round), Is.Zero);
            WaitForSignal(signals[round], $"vector {round} signals");
        }
    }

    /// <summary>As when the network fails: the link ends on both sides, and comes back with the relay.</summary>
    [Test]
    public void RelayThatEndsTakesTheLinkDownUntilAnotherOneIsThere()
    {
        BringUp();
        _relay!.Kill();
        Wait.Until(() => Logger.Has("bridge disconnected") && Logger.Has("disconnected from"), "both sides notice");
        _relay.Dispose();
        StartRelay();
        Ep.LinkUp();
        byte[] data = TestBytes.From(4, 4096);
        HostGuest host = ConnectHost();
        host.Write(3, 0, data);
        Assert.That(host.Read(3, 0, data.Length), Is.EqualTo(data));
    }

    // Without "fork" it serves one connection and is one process, which ends when it is killed.
    private ChildProcess StartSocat()
    {
        var relay = new ChildProcess(
            "socat", $"UNIX-LISTEN:{BridgeLink},unlink-early,mode=600", $"UNIX-CONNECT:{LinkSocket}");
        relay.WaitFor(() => File.Exists(BridgeLink), "listens");
        return relay;
    }
}
