using EpfTest.EpcDevice.Registers;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpcDevice;

/// <summary>
/// A hot reset by the host: the driver is told of it, and until it clears that event the function sends nothing,
/// whatever the host enables. What was under way for the old host then cannot reach the new one's memory.
/// </summary>
internal sealed class HotResetTests
{
    private const PciCommand MemoryAndMaster = PciCommand.MemorySpaceEnable | PciCommand.BusMasterEnable;

    private static readonly int s_status = EpcRig.Function(0, EpcRegister.FnEventStatus);
    private static readonly int s_mask = EpcRig.Function(0, EpcRegister.FnEventMask);

    private EpcRig _rig = null!;

    [SetUp]
    public void CreateRig()
    {
        _rig = EpcRig.WithHost();
        _rig.Write(s_mask, 0);
        _rig.Write(s_status, uint.MaxValue);
    }

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    [Test]
    public void FunctionSendsNothingToTheNextHostBeforeTheDriverHasClearedTheEvent()
    {
        _rig.HostFunction.ResetByHost(ResetKind.Hot);
        _rig.SetCommand(MemoryAndMaster);
        Assert.That(Reset, Is.True);
        Assert.That(Writes(1), Is.False);
        Assert.That(_rig.Host.BusMasters[0], Is.False);

        _rig.Write(s_status, ~EpcRegister.FnEventReset);
        Assert.That(Writes(2), Is.False, "another event was cleared");

        _rig.Write(s_status, EpcRegister.FnEventReset);
        Assert.That(Writes(3), Is.True);
        Assert.That(_rig.Host.BusMasters[0], Is.True);
    }

    [Test]
    public void ClearingTheEventLeavesBusMasteringToTheHost()
    {
        _rig.HostFunction.ResetByHost(ResetKind.Hot);
        _rig.Write(s_status, EpcRegister.FnEventReset);
        Assert.That(Writes(1), Is.False);
        _rig.SetCommand(MemoryAndMaster);
        Assert.That(Writes(2), Is.True);
    }

    [Test]
    public void InterruptIsNotSentEither()
    {
        using var rig = EpcRig.WithFunction();
        rig.Commit(EpcRegister.FnMsiSetup, 1);
        rig.BringUp();
        rig.Write(s_mask, 0);
        rig.SetCommand(MemoryAndMaster);
        rig.HostFunction.ResetByHost(ResetKind.Hot);
        rig.SetCommand(MemoryAndMaster);
        rig.HostWrites(rig.Capability(PciRegister.MsiId), 0x0001_0000);
        Assert.That(rig.Commit(EpcRegister.FnRaiseMsi, 0), Is.EqualTo(CommitResult.NotEnabled));
        rig.Write(s_status, uint.MaxValue);
        Assert.That(rig.Commit(EpcRegister.FnRaiseMsi, 0), Is.EqualTo(CommitResult.Ok));
    }

    [Test]
    public void DriverThatMasksTheEventIsNotWaitedFor()
    {
        _rig.Write(s_mask, EpcRegister.FnEventReset);
        _rig.HostFunction.ResetByHost(ResetKind.Hot);
        _rig.SetCommand(MemoryAndMaster);
        Assert.That(Reset, Is.True);
        Assert.That(Writes(1), Is.True);
    }

    [Test]
    public void FunctionLevelResetIsNoHotReset()
    {
        _rig.HostWrites(_rig.Capability(PciRegister.PciExpressId) + 8, 1 << 15);
        _rig.SetCommand(MemoryAndMaster);
        Assert.That(Reset, Is.False);
        Assert.That(_rig.Read(s_status) & EpcRegister.FnEventFlr, Is.Not.Zero);
        Assert.That(Writes(1), Is.True);

        _rig.HostFunction.ResetByHost(ResetKind.FunctionLevel);
        Assert.That(Reset, Is.False);
    }

    /// <summary>A QEMU resets a device when it starts, and when the device is plugged in.</summary>
    [Test]
    public void ResetOfAFunctionThatNoHostHasUsedIsNoEvent()
    {
        _rig.HostFunction.ResetByHost(ResetKind.Hot);
        Assert.That(Reset, Is.True);
        _rig.Write(s_status, uint.MaxValue);
        _rig.HostFunction.ResetByHost(ResetKind.Hot);
        Assert.That(Reset, Is.False, "nothing since the last");

        _rig.SetCommand(PciCommand.IoSpaceEnable);
        _rig.SetCommand(PciCommand.None);
        _rig.HostFunction.ResetByHost(ResetKind.Hot);
        Assert.That(Reset, Is.True, "it was used, and is no more");
        _rig.Write(s_status, uint.MaxValue);

        _rig.SetCommand(MemoryAndMaster);
        _rig.Endpoint.HostPresenceChanged(false);
        _rig.BringUp();
        _rig.HostFunction.ResetByHost(ResetKind.Hot);
        Assert.That(Reset, Is.False, "another host");
    }

    private bool Reset => (_rig.Read(s_status) & EpcRegister.FnEventReset) != 0;

    /// <summary>Writes through the outbound window; returns whether the host's memory has it.</summary>
    private bool Writes(byte value)
    {
        _rig.WriteWindow(0, value);
        return _rig.Host.Memory[0] == value;
    }
}
