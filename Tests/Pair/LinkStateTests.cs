using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>The link's coming and going, and what each side sees of it.</summary>
internal sealed class LinkStateTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const uint AllEvents = EpcRegister.EventLinkUp | EpcRegister.EventLinkDown
        | EpcRegister.EventPerstAsserted | EpcRegister.EventPerstDeasserted;

    [Test]
    public void HostsSocketIsThereWhileTheLinkIsUp()
    {
        Assert.That(File.Exists(HostSocket), Is.False);
        HostGuest host = BringUp();
        for (uint round = 0; round < 5; round++)
        {
            host.WriteThrough(2, 4, round);
            Assert.That(Ep.Load32(EpGuest.TargetOf(0, 2) + 4), Is.EqualTo(round));
            Ep.LinkDown();
            Assert.That(Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusUp, Is.Zero);
            Assert.That(File.Exists(HostSocket), Is.False, "once LINK_CONTROL is written");
            host.ExpectAllOnes();
            Ep.LinkUp();
            host = ConnectHost();
        }
    }

    [Test]
    public void AnotherFunctionCanBeSetUpWhileTheLinkIsDown()
    {
        BringUp();
        Ep.LinkDown();
        Assert.That(Ep.Commit(0, EpcRegister.FnControl, 0), Is.EqualTo(CommitResult.Ok));
        Ep.SetUp(0, device: 0x7777);
        Ep.LinkUp();
        Assert.That(ConnectHost().ReadConfig(0), Is.EqualTo(0x7777_104c));
    }

    /// <summary>A guest remaps memory while it boots and shuts down, when the link is not up.</summary>
    [Test]
    public void MemoryBehindBarsMayChangeBeforeTheLinkComesUp()
    {
        Ep.SetUp(0);
        Wait.Until(() => (Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusPerst) == 0, "PERST# is deasserted");
        Ep.WriteConfig16(0x04, 0);
        Ep.WriteConfig16(0x04, 0x6);
        Ep.LinkUp();
        ConnectHost().WriteThrough(1, 0, 7);
        Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(7));
        Assert.That(Logger.Has("link ended"), Is.False);
    }

    [Test]
    public void LinkEventsFireTheEventVector()
    {
        Ep.SetUp(0);
        Wait.Until(() => (Ep[EpcRegister.EventStatus] & EpcRegister.EventPerstDeasserted) != 0, "the bridge is there");
        Ep[EpcRegister.EventStatus] = AllEvents;
        Ep[EpcRegister.EventMask] = 0;
        Ep.Vectors[0].Drain();
        Ep.LinkUp();
        ExpectEvent(EpcRegister.EventLinkUp);
        Ep.LinkDown();
        ExpectEvent(EpcRegister.EventLinkDown);
        Ep.LinkUp();
        ExpectEvent(EpcRegister.EventLinkUp);
        Bridge.Dispose();
        Wait.Until(() => (Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusPerst) != 0, "PERST# is asserted");
        ExpectEvent(EpcRegister.EventLinkDown | EpcRegister.EventPerstAsserted);
        Assert.That(Ep[EpcRegister.LinkControl], Is.Zero, "PERST# clears ENABLE");
        Bridge = StartBridge();
        Wait.Until(() => (Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusPerst) == 0, "PERST# is deasserted");
        ExpectEvent(EpcRegister.EventPerstDeasserted);
    }

    [Test]
    public void BridgeMayGoAndComeBack()
    {
        HostGuest host = BringUp();
        for (uint round = 0; round < 3; round++)
        {
            Bridge.Dispose();
            Wait.Until(() => host.HungUp, "the host loses its device");
            Wait.Until(() => (Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusPerst) != 0, "PERST# is asserted");
            Assert.That(Ep.RaiseMsi(0), Is.EqualTo(EpcRegister.ResultLinkDown));
            Bridge = StartBridge();
            Ep.LinkUp();
            host = ConnectHost();
            host.WriteThrough(1, 0, round);
            Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(round));
            Ep.MapOutbound(0, 0, 0x1000, 0x5000);
            host.Store(0x5000, BitConverter.GetBytes(round + 7));
            Assert.That(Ep.ReadWindow(0, 4), Is.EqualTo(BitConverter.GetBytes(round + 7)));
        }
    }

    [Test]
    public void EpcDeviceMayGoAndComeBack()
    {
        HostGuest host = BringUp();
        Epc.Dispose();
        Wait.Until(() => Ep.HungUp, "the EP guest loses its device");
        host.ExpectAllOnes();
        Assert.That(File.Exists(HostSocket), Is.False);
        Epc = StartEpc();
        Ep.Dispose();
        RestartEp();
        host = BringUp();
        host.WriteThrough(1, 0, 0x600d);
        Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(0x600d));
    }

    [Test]
    public void EpThatGoesTakesTheHostsDeviceAway()
    {
        HostGuest host = BringUp();
        Ep.Dispose();
        Wait.Until(() => !File.Exists(HostSocket), "the host loses its device");
        host.ExpectAllOnes();
        RestartEp();
        host = BringUp();
        host.WriteThrough(1, 0, 0x600d);
        Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(0x600d));
    }

    [Test]
    public void HostMayGoAndComeBackWhileTheLinkIsUp()
    {
        Ep.SetUp(0);
        Ep.LinkUp();
        for (uint round = 0; round < 5; round++)
        {
            using var host = new HostGuest(HostSocket);
            host.Enable();
            host.Store(0x5000, BitConverter.GetBytes(round + 7));
            Ep.MapOutbound(0, 0, 0x1000, 0x5000);
            Assert.That(Ep.ReadWindow(0, 4), Is.EqualTo(BitConverter.GetBytes(round + 7)));
            Ep.UnmapOutbound(0);
            Assert.That(Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusUp, Is.Not.Zero);
        }
    }

    [Test]
    public void DescriptorsOfAPairGoWithIt()
    {
        BringUp();
        Ep.LinkDown();
        Ep.LinkUp();
        int before = OpenDescriptors.Count();
        for (int round = 0; round < 5; round++)
        {
            using (var host = new HostGuest(HostSocket))
            {
                host.Enable();
                Array.ForEach(host.EnableMsi(), signal => signal.Dispose());
            }

            Ep.LinkDown();
            Ep.LinkUp();
        }

        OpenDescriptors.WaitUntilBackTo(before);
    }

    [Test]
    public void LinkMayGoDownUnderLoad()
    {
        Ep.SetUp(0);
        for (int round = 0; round < 8; round++)
        {
            Ep.LinkUp();
            var host = new HostGuest(HostSocket);
            host.Enable();
            Ep.MapOutbound(0, 0, 0x1000, 0x5000);
            using var enough = new CancellationTokenSource();
            var load = Task.Run(() =>
            {
                while (!enough.IsCancellationRequested)
                {
                    host.Post(1, 0, [1, 2, 3, 4]);
                    host.Post(1, 4, [1, 2, 3, 4]);
                }
            });
            for (int i = 0; i < 20; i++)
            {
                Ep.WriteWindow(0, BitConverter.GetBytes(i));
            }

            Ep.LinkDown();
            Assert.That(Ep.ReadWindow(0, 4), Is.All.EqualTo(byte.MaxValue));
            host.ExpectAllOnes();
            enough.Cancel();
            Wait.For(load);
            host.Dispose();
            Ep.UnmapOutbound(0);
        }

        Assert.That(Logger.Has("not acknowledged"), Is.False);
    }

    private void ExpectEvent(uint bits)
    {
        WaitForSignal(Ep.Vectors[0], "the event vector fires");
        Assert.That(Ep[EpcRegister.EventStatus], Is.EqualTo(bits));
        Ep[EpcRegister.EventStatus] = bits;
    }
}
