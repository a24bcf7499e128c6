using EpfTest.EpcDevice.Registers;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.Pair;

/// <summary>The EP guest, whose driver is <see cref="EpDriver"/>.</summary>
internal sealed class EpGuest : GuestClient, IEpRegisters
{
    /// <summary>Where the driver places the controller's BARs.</summary>
    public const uint RegistersAt = 0xfe00_0000;

    public const ulong WindowAt = 0x40_0000_0000;

    /// <summary>Where BAR n of each function leads; <see cref="BarSize"/> bytes each.</summary>
    public const int BarMemory = 0x10_0000;

    public const int BarSize = 0x1_0000;

    /// <summary>As in pci-epf-test: BAR 0 to 5, 32 MSI vectors, 2048 MSI-X vectors with the table in BAR 5.</summary>
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

    public void Set64(int register, ulong value) => Write(Registers, (ulong)register, BitConverter.GetBytes(value));

    /// <summary>Where a function's BAR leads.</summary>
    public static ulong TargetOf(int function, int bar) => (ulong)(BarMemory + (((function * 6) + bar) * BarSize));

    public byte[] ReadWindow(ulong offset, int length) => Read(Window, offset, length);

    public void WriteWindow(ulong offset, ReadOnlySpan<byte> data) => Write(Window, offset, data);

    /// <summary>Sets a function up as pci-epf-test does.</summary>
    public void SetUp(int function, ushort device = 0xb500)
    {
        for (int bar = 0; bar < 6; bar++)
        {
            this.SetBar(function, bar, BarSize, 0, (0, BarSize, TargetOf(function, bar)));
        }

        Assert.That(this.Commit(function, EpcRegister.FnMsiSetup, MsiVectors), Is.EqualTo(CommitResult.Ok));
        this.SetMsix(function, table: 5, pendingBits: 0x8000 | 5, MsixVectors);
        this.AddFunction(function, device);
    }

    public void LinkDown() => this[EpcRegister.LinkControl] = 0;

    /// <returns>The result register after the vector was raised.</returns>
    public uint RaiseMsi(int vector, int function = 0) =>
        (uint)this.Commit(function, EpcRegister.FnRaiseMsi, (uint)vector);

    /// <inheritdoc cref="RaiseMsi"/>
    public uint RaiseMsix(int vector, int function = 0) =>
        (uint)this.Commit(function, EpcRegister.FnRaiseMsix, (uint)vector);

    public void SetIntx(bool asserted, int function = 0) => Assert.That(
        this.Commit(function, EpcRegister.FnIntx, asserted ? 1u : 0), Is.EqualTo(CommitResult.Ok));

    public override void Dispose()
    {
        base.Dispose();
        Array.ForEach(Vectors, vector => vector.Dispose());
    }
}
