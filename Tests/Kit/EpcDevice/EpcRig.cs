using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EpfTest.EpcDevice;
using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Kit.EpcDevice;

/// <summary>An endpoint controller between a fake EP guest, whose driver's part the test plays, and a fake
/// host.</summary>
internal sealed class EpcRig : IEpRegisters, IDisposable
{
    public const ulong RegistersAddress = 0xf000_0000;
    public const ulong MsixAddress = 0xf080_0000;
    public const ulong WindowAddress = 0x40_0000_0000;

    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public EpcRig(ILogger? logger = null, bool mapBars = false)
    {
        logger ??= NullLogger.Instance;
        Controller = new EpcController(_ => Host, logger, Failures.Add, mapBars);
        Device = new EpcPciDevice((0x1234, 0xe9c0), Controller, logger);
        Guest = new FakeGuest(Device.IrqCounts);
        Device.Attach(Guest);
        Map(FakeGuest.RamAddress, FakeGuest.RamSize, Guest.Ram.Descriptor.Duplicate());
        Map(FakeGuest.MessageAddress, FakeGuest.MessageSize, null);
        ProgramControllerBars();
    }

    public EpcController Controller { get; }

    /// <summary>Why the process would have ended.</summary>
    public List<string> Failures { get; } = [];

    public EpcPciDevice Device { get; }

    public FakeGuest Guest { get; }

    public FakeHostLink Host { get; } = new();

    public IEndpoint Endpoint => Controller;

    /// <summary>Function 0, as the host reaches it.</summary>
    public IFunction HostFunction => Controller.Functions[0];

    uint IEpRegisters.this[int register]
    {
        get => Read(register);
        set => Write(register, value);
    }

    public static int Function(int block, int register) => EpDriver.Function(block, register);

    public static int Bar(int bar, int register) => EpDriver.Bar(0, bar, register);

    public static int Outbound(int entry, int register) => EpDriver.Outbound(entry, register);

    public static int Dma(int channel, int register) => EpDriver.Dma(channel, register);

    public static (ulong Offset, ulong Size, ulong Target) Inbound(ulong offset, ulong size, ulong target) =>
        (offset, size, target);

    /// <summary>A rig whose function 0 is present, without BARs and interrupts.</summary>
    public static EpcRig WithFunction()
    {
        var rig = new EpcRig();
        rig.AddFunction(0);
        return rig;
    }

    /// <summary>A rig whose link is up, with bus mastering on, and an outbound translation of 1 MiB at the window's
    /// start.</summary>
    public static EpcRig WithHost()
    {
        EpcRig rig = WithFunction();
        rig.BringUp();
        rig.SetCommand(PciCommand.MemorySpaceEnable | PciCommand.BusMasterEnable);
        Assert.That(rig.MapOutbound(0, 0, 1 << 20, FakeHostLink.MemoryAddress), Is.EqualTo(CommitResult.Ok));
        rig.Host.TakeLog();
        return rig;
    }

    public uint Read(int offset)
    {
        Span<byte> data = stackalloc byte[sizeof(uint)];
        Assert.That(Device.ReadRegion(EpcRegister.BarRegs, (ulong)offset, data), Is.EqualTo(Errno.None));
        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }

    public ulong Read64(int offset) => Read(offset) | ((ulong)Read(offset + sizeof(uint)) << 32);

    public void Write(int offset, uint value)
    {
        Span<byte> data = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        Assert.That(Device.WriteRegion(EpcRegister.BarRegs, (ulong)offset, data), Is.EqualTo(Errno.None));
    }

    public void Write64(int offset, ulong value)
    {
        Span<byte> data = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        Assert.That(Device.WriteRegion(EpcRegister.BarRegs, (ulong)offset, data), Is.EqualTo(Errno.None));
    }

    void IEpRegisters.Set64(int register, ulong value) => Write64(register, value);

    /// <summary>Writes a register of a function that commits.</summary>
    public CommitResult Commit(int register, uint value, int block = 0) =>
        EpDriver.Commit(this, block, register, value);

    public void AddFunction(int block) => EpDriver.AddFunction(this, block);

    /// <summary>Sets a memory BAR of function 0.</summary>
    public CommitResult SetBar(
        int bar, ulong size, uint flags = 0, params (ulong Offset, ulong Size, ulong Target)[] inbounds) =>
        this.TrySetBar(0, bar, size, flags, inbounds);

    public CommitResult ClearBar(int bar) => this.TryClearBar(0, bar);

    public CommitResult MapOutbound(int entry, ulong offset, ulong size, ulong address, int function = 0) =>
        this.TryMapOutbound(entry, offset, size, address, function);

    public void UnmapOutbound(int entry) => EpDriver.UnmapOutbound(this, entry);

    public byte[] ReadWindow(ulong offset, int count)
    {
        byte[] data = new byte[count];
        Assert.That(Device.ReadRegion(EpcRegister.BarWindow, offset, data), Is.EqualTo(Errno.None));
        return data;
    }

    public void WriteWindow(ulong offset, params ReadOnlySpan<byte> data) =>
        Assert.That(Device.WriteRegion(EpcRegister.BarWindow, offset, data), Is.EqualTo(Errno.None));

    /// <summary>A host side comes, and the EP guest enables the link.</summary>
    public void BringUp()
    {
        Endpoint.HostPresenceChanged(true);
        Write(EpcRegister.LinkControl, EpcRegister.LinkControlEnable);
        Assert.That(Read(EpcRegister.LinkStatus) & EpcRegister.LinkStatusUp, Is.Not.Zero, "the link did not come up");
    }

    /// <summary>The host writes a register of its function.</summary>
    public void HostWrites(int offset, uint value, int block = 0) =>
        Endpoint.Functions[block].WriteConfig(offset, value, 0xf);

    public void SetCommand(PciCommand command, int block = 0) =>
        Endpoint.Functions[block].WriteConfig(PciRegister.Command, (uint)command, 0x3);

    /// <summary>Where the host finds a capability of a function.</summary>
    public int Capability(byte id, int block = 0)
    {
        int offset = FindCapability(id, block);
        Assert.That(offset, Is.Not.Zero, $"the function has no capability 0x{id:x}");
        return offset;
    }

    /// <summary>Whether the host would find a capability.</summary>
    public bool HasCapability(byte id) => FindCapability(id, 0) != 0;

    public void ProgramControllerBars()
    {
        WriteConfig(PciRegister.BaseAddress0, (uint)RegistersAddress);
        WriteConfig(PciRegister.BaseAddress0 + (4 * EpcRegister.BarWindow), unchecked((uint)WindowAddress));
        WriteConfig(PciRegister.BaseAddress0 + (4 * EpcRegister.BarWindow) + 4, (uint)(WindowAddress >> 32));
        WriteConfig(PciRegister.BaseAddress0 + (4 * EpcRegister.BarMsix), (uint)MsixAddress);
        WriteConfig(PciRegister.Command, (uint)(PciCommand.MemorySpaceEnable | PciCommand.BusMasterEnable));
    }

    /// <summary>The EP guest writes the controller's own configuration space.</summary>
    public void WriteConfig(int offset, uint value)
    {
        byte[] data = BitConverter.GetBytes(value);
        Assert.That(Device.WriteRegion(RegionIndex.Config, (ulong)offset, data), Is.EqualTo(Errno.None));
    }

    public void Unmap(ulong address, ulong size)
    {
        Assert.That(
            Guest.Memory.Ranges.TryFindInside(address, address + (size - 1), out DmaRange[] ranges), Is.True);
        Device.DmaUnmapping(ranges);
        Guest.Memory.Unmap(ranges);
    }

    public void Dispose()
    {
        Host.DuringWait = null;
        Host.DuringRequest = null;
        Guest.DuringMessage = null;
        Controller.Dispose();
        Guest.Dispose();
    }

    private int FindCapability(byte id, int block)
    {
        Span<uint> space = stackalloc uint[PciRegister.FirstExtendedCapability / sizeof(uint)];
        for (int i = 0; i < space.Length; i++)
        {
            space[i] = Endpoint.Functions[block].ReadConfig(i * sizeof(uint));
        }

        return CapabilityList.Find(MemoryMarshal.AsBytes(space), id);
    }

    private void Map(ulong address, ulong size, FileDescriptor? descriptor)
    {
        Errno error = Guest.Memory.Map(
            address, size, DmaAccess.Read | DmaAccess.Write, descriptor, 0, mayMap: true, out DmaRange range);
        Assert.That(error, Is.EqualTo(Errno.None));
        Device.DmaMapped(range);
    }
}
