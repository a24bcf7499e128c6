using EpfTest.EpcDevice.Registers;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.Pair;

/// <summary>The EP guest: its driver's way with the controller's registers (docs/registers.md).</summary>
internal sealed class EpGuest : GuestClient
{
    /// <summary>Where the driver places the controller's BARs.</summary>
    public const uint RegistersAt = 0xfe00_0000;

    public const ulong WindowAt = 0x40_0000_0000;

    /// <summary>Where BAR n of each function leads; <see cref="BarSize"/> bytes each.</summary>
    public const int BarMemory = 0x10_0000;

    public const int BarSize = 0x1_0000;

    /// <summary>As pci-epf-test has it: BAR0 to BAR5, 32 MSI and 2048 MSI-X, whose table is in BAR 5.</summary>
    public const int MsiVectors = 32;

    public const int MsixVectors = 2048;

    private const uint Registers = 0;
    private const uint Window = 2;
    private const int VectorCount = 19;

    public EpGuest(string path)
        : base(path)
    {
        MapMemory();
        WriteConfig(0x10, RegistersAt);
        WriteConfig(0x18, unchecked((uint)WindowAt));
        WriteConfig(0x1c, (uint)(WindowAt >> 32));
        WriteConfig(0x20, RegistersAt + 0x20_0000);
        WriteConfig16(0x04, 0x6);
        Vectors = [.. Enumerable.Range(0, VectorCount).Select(_ => EventFd.Create())];
        SetEventFds(RawIrq.Msix, RawIrq.Trigger, Vectors);
    }

    /// <summary>The controller's MSI-X vectors: events, 16 DMA channels, doorbell, mapped window.</summary>
    public EventFd[] Vectors { get; }

    public EventFd DoorbellVector => Vectors[17];

    public uint this[int register]
    {
        get => Read32(Registers, (ulong)register);
        set => Write32(Registers, (ulong)register, value);
    }

    public static int Function(int function, int register) =>
        EpcRegister.FunctionBase + (function * EpcRegister.FunctionStride) + register;

    /// <summary>Where a function's BAR leads.</summary>
    public static ulong TargetOf(int function, int bar) => (ulong)(BarMemory + (((function * 6) + bar) * BarSize));

    public byte[] ReadWindow(ulong offset, int length) => Read(Window, offset, length);

    public void WriteWindow(ulong offset, ReadOnlySpan<byte> data) => Write(Window, offset, data);

    /// <summary>Sets a function up as pci-epf-test does.</summary>
    public void SetUp(int function, ushort device = 0xb500)
    {
        for (int bar = 0; bar < 6; bar++)
        {
            SetBar(function, bar, BarSize, 0, (0, BarSize, TargetOf(function, bar)));
        }

        this[Function(function, EpcRegister.FnMsiSetup)] = MsiVectors;
        ExpectResult(function);
        this[Function(function, EpcRegister.FnMsixTable)] = 5;
        this[Function(function, EpcRegister.FnMsixPba)] = 0x8000 | 5;
        this[Function(function, EpcRegister.FnMsixSetup)] = MsixVectors;
        ExpectResult(function);
        SetHeader(function, device);
    }

    public void SetHeader(int function, ushort device = 0xb500)
    {
        this[Function(function, EpcRegister.FnVendorDevice)] = 0x104cu | (uint)device << 16;
        this[Function(function, EpcRegister.FnClassRevision)] = 0xff00_0001;
        this[Function(function, EpcRegister.FnSubsystem)] = 0x1234_5678;
        this[Function(function, EpcRegister.FnMisc)] = 1 << 8;
        this[Function(function, EpcRegister.FnControl)] = 1;
        ExpectResult(function);
    }

    /// <summary>Stages a BAR and its inbound translations, and commits them.</summary>
    public void SetBar(
        int function, int bar, ulong size, uint flags, params (ulong Offset, ulong Size, ulong Target)[] inbounds)
    {
        int block = Function(function, EpcRegister.FnBarBase + (bar * EpcRegister.FnBarStride));
        for (int i = 0; i < inbounds.Length; i++)
        {
            int entry = Function(function, EpcRegister.FnInboundBase + (i * EpcRegister.FnInboundStride));
            Set64(entry + EpcRegister.FnInboundOffsetLo, inbounds[i].Offset);
            Set64(entry + EpcRegister.FnInboundSizeLo, inbounds[i].Size);
            Set64(entry + EpcRegister.FnInboundTargetLo, inbounds[i].Target);
        }

        Set64(block + EpcRegister.FnBarSizeLo, size);
        this[block + EpcRegister.FnBarFlags] = flags;
        this[block + EpcRegister.FnBarControl] = 1u | (uint)inbounds.Length << 8;
        ExpectResult(function);
    }

    public void ClearBar(int function, int bar)
    {
        this[Function(function, EpcRegister.FnBarBase + (bar * EpcRegister.FnBarStride) + EpcRegister.FnBarControl)] = 0;
        ExpectResult(function);
    }

    /// <summary>Maps host memory into the window.</summary>
    public void MapOutbound(int entry, ulong offset, ulong size, ulong address, int function = 0)
    {
        int block = EpcRegister.OutboundBase + (entry * EpcRegister.OutboundStride);
        Set64(block + EpcRegister.OutboundOffsetLo, offset);
        Set64(block + EpcRegister.OutboundSizeLo, size);
        Set64(block + EpcRegister.OutboundAddressLo, address);
        this[block + EpcRegister.OutboundControl] = 1u | (uint)function << 8;
        Assert.That(this[block + EpcRegister.OutboundResult], Is.Zero);
    }

    public void UnmapOutbound(int entry)
    {
        int block = EpcRegister.OutboundBase + (entry * EpcRegister.OutboundStride);
        this[block + EpcRegister.OutboundControl] = 0;
        Assert.That(this[block + EpcRegister.OutboundResult], Is.Zero);
    }

    /// <summary>Enables the link once a host side is there, and waits until it is up.</summary>
    public void LinkUp()
    {
        Wait.Until(() => (this[EpcRegister.LinkStatus] & EpcRegister.LinkStatusPerst) == 0, "PERST# is deasserted");
        this[EpcRegister.LinkControl] = 1;
        Wait.Until(() => (this[EpcRegister.LinkStatus] & EpcRegister.LinkStatusUp) != 0, "the link is up");
    }

    public void LinkDown() => this[EpcRegister.LinkControl] = 0;

    /// <summary>Raises a vector and says what it came to.</summary>
    public uint RaiseMsi(int vector, int function = 0) => Raise(EpcRegister.FnRaiseMsi, vector, function);

    public uint RaiseMsix(int vector, int function = 0) => Raise(EpcRegister.FnRaiseMsix, vector, function);

    public void SetIntx(bool asserted, int function = 0)
    {
        this[Function(function, EpcRegister.FnIntx)] = asserted ? 1u : 0;
        ExpectResult(function);
    }

    public void ExpectResult(int function = 0, uint result = 0) =>
        Assert.That(this[Function(function, EpcRegister.FnResult)], Is.EqualTo(result));

    public void Set64(int register, ulong value) => Write(Registers, (ulong)register, BitConverter.GetBytes(value));

    public override void Dispose()
    {
        base.Dispose();
        Array.ForEach(Vectors, vector => vector.Dispose());
    }

    private uint Raise(int register, int vector, int function)
    {
        this[Function(function, register)] = (uint)vector;
        return this[Function(function, EpcRegister.FnResult)];
    }
}
