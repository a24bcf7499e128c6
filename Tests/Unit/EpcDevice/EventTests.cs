using EpfTest.EpcDevice.Registers;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpcDevice;

/// <summary>Events of the link and of functions, and the edge of vector 0.</summary>
[TestFixture]
internal sealed class EventTests
{
    private static readonly int s_functionStatus = EpcRig.Function(0, EpcRegister.FnEventStatus);
    private static readonly int s_functionMask = EpcRig.Function(0, EpcRegister.FnEventMask);

    private EpcRig _rig = null!;

    [SetUp]
    public void CreateRig() => _rig = EpcRig.WithFunction();

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    [Test]
    public void HostPresenceIsPerst()
    {
        _rig.Endpoint.HostPresenceChanged(true);
        Assert.That(_rig.Read(EpcRegister.LinkStatus), Is.Zero);
        Assert.That(_rig.Read(EpcRegister.EventStatus), Is.EqualTo(EpcRegister.EventPerstDeasserted));

        _rig.Endpoint.HostPresenceChanged(true);
        _rig.Write(EpcRegister.EventStatus, uint.MaxValue);
        _rig.Endpoint.HostPresenceChanged(false);
        Assert.That(_rig.Read(EpcRegister.LinkStatus), Is.EqualTo(EpcRegister.LinkStatusPerst));
        Assert.That(_rig.Read(EpcRegister.EventStatus), Is.EqualTo(EpcRegister.EventPerstAsserted));
    }

    [Test]
    public void MaskedEventsAreKeptAndInterruptWhenUnmasked()
    {
        _rig.Endpoint.HostPresenceChanged(true);
        Assert.That(_rig.Guest.Fired(0), Is.Zero);

        _rig.Write(EpcRegister.EventMask, ~EpcRegister.EventPerstDeasserted);
        Assert.That(_rig.Guest.Fired(0), Is.EqualTo(1));
    }

    [Test]
    public void OnlyWhatIsClearedIsClearedAndTheRestInterruptsAgain()
    {
        _rig.Write(EpcRegister.EventMask, 0);
        _rig.Endpoint.HostPresenceChanged(true);
        _rig.Endpoint.HostPresenceChanged(false);
        Assert.That(_rig.Guest.Fired(0), Is.EqualTo(2), "once for each bit that appeared");

        _rig.Write(EpcRegister.EventStatus, EpcRegister.EventPerstDeasserted);
        Assert.That(_rig.Read(EpcRegister.EventStatus), Is.EqualTo(EpcRegister.EventPerstAsserted));
        Assert.That(_rig.Guest.Fired(0), Is.EqualTo(1), "one is left");

        _rig.Write(EpcRegister.EventStatus, EpcRegister.EventPerstAsserted);
        Assert.That(_rig.Guest.Fired(0), Is.Zero, "none is left");
    }

    [Test]
    public void AnEventThatIsPendingDoesNotInterruptAgain()
    {
        _rig.Write(EpcRegister.EventMask, 0);
        for (int i = 0; i < 3; i++)
        {
            _rig.Endpoint.HostPresenceChanged(true);
            _rig.Endpoint.HostPresenceChanged(false);
        }

        Assert.That(_rig.Guest.Fired(0), Is.EqualTo(2));
    }

    [Test]
    public void AFunctionsEventsReachTheVectorThroughBothMasks()
    {
        _rig.BringUp();
        _rig.SetCommand(PciCommand.BusMasterEnable);
        Assert.That(_rig.Read(EpcRegister.EventFunctions), Is.Zero, "masked in the block");
        Assert.That(_rig.Read(EpcRegister.EventStatus) & EpcRegister.EventFunction, Is.Zero);

        _rig.Write(s_functionMask, 0);
        Assert.That(_rig.Read(EpcRegister.EventFunctions), Is.EqualTo(1));
        Assert.That(_rig.Read(EpcRegister.EventStatus) & EpcRegister.EventFunction, Is.Not.Zero);
        Assert.That(_rig.Guest.Fired(0), Is.Zero, "masked globally");

        _rig.Write(EpcRegister.EventMask, ~EpcRegister.EventFunction);
        Assert.That(_rig.Guest.Fired(0), Is.EqualTo(1));

        _rig.Write(EpcRegister.EventStatus, EpcRegister.EventFunction);
        Assert.That(_rig.Read(EpcRegister.EventStatus) & EpcRegister.EventFunction, Is.Not.Zero, "it is read-only");
        Assert.That(_rig.Guest.Fired(0), Is.EqualTo(1), "and left");

        _rig.Write(s_functionStatus, uint.MaxValue);
        Assert.That(_rig.Read(EpcRegister.EventFunctions), Is.Zero);
        Assert.That(_rig.Guest.Fired(0), Is.Zero);
    }

    [Test]
    public void TheHostsWritesRaiseTheirEvents()
    {
        _rig.Commit(EpcRegister.FnMsiSetup, 4);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMsixTable), 0);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMsixPba), 0x800);
        _rig.Commit(EpcRegister.FnMsixSetup, 8);
        _rig.SetBar(0, 4096);
        _rig.BringUp();

        Assert.That(
            EventsOf(() => _rig.SetCommand(PciCommand.MemorySpaceEnable)), Is.EqualTo(EpcRegister.FnEventCommand));
        Assert.That(
            EventsOf(() => _rig.SetCommand(PciCommand.BusMasterEnable)),
            Is.EqualTo(EpcRegister.FnEventCommand | EpcRegister.FnEventBusMaster));
        Assert.That(EventsOf(() => _rig.SetCommand(0)), Is.EqualTo(EpcRegister.FnEventCommand));
        Assert.That(
            EventsOf(() => _rig.HostWrites(PciRegister.BaseAddress0, 0xfe00_0000)), Is.EqualTo(EpcRegister.FnEventBar));
        Assert.That(
            EventsOf(() => _rig.HostWrites(_rig.Capability(PciRegister.MsiId), 0x0001_0000)),
            Is.EqualTo(EpcRegister.FnEventMsi));
        Assert.That(
            EventsOf(() => _rig.HostWrites(_rig.Capability(PciRegister.MsixId), 0x8000_0000)),
            Is.EqualTo(EpcRegister.FnEventMsix));
        Assert.That(
            EventsOf(() => _rig.HostWrites(_rig.Capability(PciRegister.PowerManagementId) + 4, 3)),
            Is.EqualTo(EpcRegister.FnEventPowerState));
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnPowerState)), Is.EqualTo(3));
        Assert.That(
            EventsOf(
                () => _rig.HostWrites(_rig.Capability(PciRegister.PciExpressId) + 8, 1 << 15)) & EpcRegister.FnEventFlr,
            Is.Not.Zero);
        Assert.That(
            EventsOf(() => _rig.HostFunction.ResetByHost(ResetKind.Hot)), Is.EqualTo(EpcRegister.FnEventReset));
    }

    private uint EventsOf(Action action)
    {
        _rig.Write(s_functionStatus, uint.MaxValue);
        action();
        return _rig.Read(s_functionStatus);
    }
}
