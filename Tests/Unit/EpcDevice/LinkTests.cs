using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpcDevice;

/// <summary>Link up and down, presence, and what resets leave.</summary>
[TestFixture]
internal sealed class LinkTests
{
    private EpcRig _rig = null!;

    [SetUp]
    public void CreateRig() => _rig = new EpcRig();

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    private bool IsUp => (_rig.Read(EpcRegister.LinkStatus) & EpcRegister.LinkStatusUp) != 0;

    [Test]
    public void EnableIsHeldClearWhilePerstIsAsserted()
    {
        _rig.AddFunction(0);
        _rig.Write(EpcRegister.LinkControl, EpcRegister.LinkControlEnable);
        Assert.That(_rig.Read(EpcRegister.LinkControl), Is.Zero);

        _rig.Endpoint.HostPresenceChanged(true);
        Assert.That(IsUp, Is.False);
        _rig.Write(EpcRegister.LinkControl, EpcRegister.LinkControlEnable);
        Assert.That(IsUp, Is.True);

        _rig.Endpoint.HostPresenceChanged(false);
        Assert.That(IsUp, Is.False);
        Assert.That(_rig.Read(EpcRegister.LinkControl), Is.Zero);
    }

    [Test]
    public void AnEnabledLinkWaitsForFunction0()
    {
        _rig.Endpoint.HostPresenceChanged(true);
        _rig.AddFunction(1);
        _rig.Write(EpcRegister.LinkControl, EpcRegister.LinkControlEnable);
        Assert.That(IsUp, Is.False);

        _rig.AddFunction(0);
        Assert.That(IsUp, Is.True);
        Assert.That(_rig.Read(EpcRegister.EventStatus) & EpcRegister.EventLinkUp, Is.Not.Zero);
        Assert.That(_rig.Read(EpcRegister.LinkStatus), Is.EqualTo(0x421), "5 GT/s, x4");
    }

    [Test]
    public void TheHostSeesFunctionsOnlyWhileTheLinkIsTrained()
    {
        _rig.AddFunction(0);
        _rig.AddFunction(2);
        Assert.That(_rig.HostFunction.Describe(), Is.Null);
        Assert.That(_rig.HostFunction.ReadConfig(0), Is.EqualTo(uint.MaxValue));

        _rig.BringUp();
        Assert.That(_rig.HostFunction.ReadConfig(0), Is.EqualTo(0xb500_104c));
        Assert.That(_rig.HostFunction.ReadConfig(0xc) >> 16, Is.EqualTo(0x80), "several functions");
        Assert.That(_rig.HostFunction.Describe()!.InterruptPin, Is.EqualTo(1));
        Assert.That(_rig.Endpoint.Functions[1].Describe(), Is.Null);
        Assert.That(_rig.Endpoint.Functions[1].ReadConfig(0), Is.EqualTo(uint.MaxValue));
        Assert.That(_rig.Endpoint.Functions[2].Describe(), Is.Not.Null);

        _rig.Write(EpcRegister.LinkControl, 0);
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("up, down"));
        Assert.That(_rig.HostFunction.Describe(), Is.Null);
        Assert.That(_rig.Read(EpcRegister.EventStatus) & EpcRegister.EventLinkDown, Is.Not.Zero);
    }

    [Test]
    public void NoLockIsHeldWhileTheLinkIsWaitedFor()
    {
        int checkedTimes = 0;
        _rig.AddFunction(0);
        _rig.SetBar(0, 4096, 0, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress));
        _rig.Host.DuringWait = () =>
        {
            Assert.That(Task.Run(() => _rig.HostFunction.ReadConfig(0)).Wait(EpcRig.Limit), Is.True);
            checkedTimes++;
        };
        _rig.BringUp();
        _rig.SetBar(0, 4096, 0, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress + 4096));
        _rig.Write(EpcRegister.LinkControl, 0);

        Assert.That(checkedTimes, Is.EqualTo(3));
    }

    [Test]
    public void TheFunctionsAreThereUntilTheLinkIsDown()
    {
        _rig.AddFunction(0);
        _rig.BringUp();
        uint seen = 0;
        _rig.Host.DuringWait = () => seen = _rig.HostFunction.ReadConfig(0);
        _rig.Write(EpcRegister.LinkControl, 0);

        Assert.That(seen, Is.EqualTo(0xb500_104c));
    }

    [Test]
    public void AHostThatLeavesTakesTheLinkDown()
    {
        _rig.AddFunction(0);
        _rig.BringUp();
        _rig.SetCommand(PciCommand.BusMasterEnable);
        _rig.Endpoint.HostPresenceChanged(false);

        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnCommand)), Is.Zero);
        Assert.That(_rig.Read(EpcRegister.EventStatus) & EpcRegister.EventLinkDown, Is.Not.Zero);
        Assert.That(IsUp, Is.False);
    }

    [Test]
    public void AHostThatLeavesWhileTheLinkComesUpKeepsItDown()
    {
        _rig.AddFunction(0);
        _rig.Endpoint.HostPresenceChanged(true);
        _rig.Host.DuringWait = () => _rig.Endpoint.HostPresenceChanged(false);
        _rig.Write(EpcRegister.LinkControl, EpcRegister.LinkControlEnable);

        Assert.That(IsUp, Is.False);
        Assert.That(_rig.Read(EpcRegister.EventStatus) & EpcRegister.EventLinkUp, Is.Zero);
    }

    [Test]
    public void AHostThatLeavesWhileTheLinkGoesDownRaisesOneEvent()
    {
        _rig.AddFunction(0);
        _rig.BringUp();
        _rig.Write(EpcRegister.EventStatus, uint.MaxValue);
        _rig.Host.DuringWait = () => _rig.Endpoint.HostPresenceChanged(false);
        _rig.Write(EpcRegister.LinkControl, 0);

        Assert.That(
            _rig.Read(EpcRegister.EventStatus), Is.EqualTo(EpcRegister.EventPerstAsserted | EpcRegister.EventLinkDown));
        Assert.That(_rig.HostFunction.IsVisible, Is.False);
        Assert.That(_rig.Read(EpcRegister.LinkStatus), Is.EqualTo(EpcRegister.LinkStatusPerst));
    }

    [TestCase("DEVICE_RESET")]
    [TestCase("FLR")]
    [TestCase("disconnect")]
    public void AResetForgetsEverything(string kind)
    {
        uint[] before = Registers();
        _rig.Write(EpcRegister.Scratch, 1);
        _rig.Write(EpcRegister.EventMask, 0);
        _rig.AddFunction(0);
        _rig.AddFunction(7);
        _rig.SetBar(0, 4096, 0, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress));
        _rig.Commit(EpcRegister.FnMsiSetup, 32);
        _rig.MapOutbound(255, 0, 4096, FakeHostLink.MemoryAddress);
        _rig.Write64(EpcRig.Dma(0, EpcRegister.DmaRingLo), FakeGuest.RamAddress);
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaRingSize), 16);
        _rig.Write(EpcRig.Dma(0, EpcRegister.DmaControl), EpcRegister.DmaControlEnable);
        _rig.BringUp();
        _rig.SetCommand(PciCommand.BusMasterEnable);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnIntx), 1);
        _rig.Host.TakeLog();

        switch (kind)
        {
            case "DEVICE_RESET":
                _rig.Device.Reset();
                break;
            case "FLR":
                InitiateFlr();
                break;
            default:
                _rig.Device.ClientDisconnected();
                break;
        }

        // The host side is still there.
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("down"));
        Assert.That(_rig.HostFunction.Describe(), Is.Null);
        _rig.Endpoint.HostPresenceChanged(false);
        _rig.Write(EpcRegister.EventStatus, uint.MaxValue);
        Assert.That(Registers(), Is.EqualTo(before));
    }

    private void InitiateFlr()
    {
        byte[] config = new byte[256];
        _rig.Device.ReadRegion(Protocol.VfioUser.RegionIndex.Config, 0, config);
        int offset = config[PciRegister.CapabilitiesPointer];
        while (config[offset] != PciRegister.PciExpressId)
        {
            offset = config[offset + 1];
        }

        _rig.WriteConfig(offset + 8, 1 << 15);
    }

    private uint[] Registers()
    {
        List<uint> values = [];
        int[] starts =
            [0, EpcRegister.DmaBase, EpcRegister.OutboundBase + (255 * 0x40), EpcRegister.FunctionBase];
        foreach (int start in starts)
        {
            for (int offset = 0; offset < 0x1000; offset += 4)
            {
                values.Add(_rig.Read(start + offset));
            }
        }

        return [.. values];
    }
}
