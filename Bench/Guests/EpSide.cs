using EpfTest.Bench.Machine;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Guests;

/// <summary>The EP guest: sets functions up and starts the link as its driver does (docs/registers.md).</summary>
internal sealed class EpSide : DeviceClient, IEpRegisters
{
    /// <summary>The region of the controller's registers.</summary>
    public const uint Registers = EpcRegister.BarRegs;

    /// <summary>Bytes of each function's BAR 0, MSI-X table and pending bits included.</summary>
    public const int BarSize = 1 << 16;

    /// <summary>Address of the memory for DMA, behind BARs and rings.</summary>
    public const int DmaMemory = 16 << 20;

    private const int BarMemory = 1 << 20;
    private const int RingMemory = 4 << 20;
    private const int PendingBits = 0x8000;
    private const int MsixVectors = 32;

    // Vectors: events, DMA channels, doorbell.
    private const int FirstDmaVector = 1;

    private readonly EventFd _dmaSignal = EventFd.Create();
    private uint _dmaTail;

    public EpSide(string path)
        : base(path)
    {
        WriteConfig(0x10, 0xfe00_0000u);
        WriteConfig(0x18, 0u);
        WriteConfig(0x1c, 0x40u);
        WriteConfig(0x20, 0xfe20_0000u);
        WriteConfig16(0x04, 0x6);
    }

    /// <summary>Descriptors of the DMA ring, all but one of which can be pending.</summary>
    public const int RingSize = 65536;

    /// <summary>Address of the memory behind a function's BAR 0.</summary>
    public static int BarAt(int function) => BarMemory + (function * BarSize);

    public uint this[int register]
    {
        get => Read32(Registers, (ulong)register);
        set => Write32(Registers, (ulong)register, value);
    }

    /// <inheritdoc/>
    public void Set64(int register, ulong value) => Write(Registers, (ulong)register, BitConverter.GetBytes(value));

    /// <summary>Sets up the first functions, each with a memory BAR and MSI-X.</summary>
    public void SetUp(int functions)
    {
        for (int function = 0; function < functions; function++)
        {
            this.SetBar(function, 0, BarSize, 0, (0, BarSize, (ulong)BarAt(function)));
            this.SetMsix(function, 0, PendingBits, MsixVectors);
            this.AddFunction(function);
        }
    }

    /// <summary>The request that raises a function's first MSI-X vector.</summary>
    public static byte[] RaiseMsix(int function) =>
        WriteRequest(Registers, (ulong)EpDriver.Function(function, EpcRegister.FnRaiseMsix), 0);

    /// <summary>Enables DMA channel 0 with a ring of descriptors that copy consecutive pieces.</summary>
    /// <param name="size">Bytes of a piece.</param>
    /// <param name="span">Bytes after which the pieces start over.</param>
    /// <param name="fromHost">From the host's memory to the EP guest's; else the other way.</param>
    public void FillRing(int size, int span, bool fromHost)
    {
        var descriptors = new WireBytes();
        for (int i = 0; i < RingSize; i++)
        {
            ulong address = DmaMemory + (ulong)((long)i * size % span);
            uint flags = fromHost ? EpcRegister.DescFlagSourceHost : EpcRegister.DescFlagDestinationHost;
            descriptors.U64(address, address).U32((uint)size, flags, 0, 0);
        }

        Memory.Write(RingMemory, descriptors.ToArray());
        _dmaTail = 0;
        this[Channel(EpcRegister.DmaControl)] = EpcRegister.DmaControlReset;
        _ = this[Channel(EpcRegister.DmaControl)];
        SetEventFd(RawIrq.Msix, FirstDmaVector, _dmaSignal);
        this[Channel(EpcRegister.DmaRingLo)] = RingMemory;
        this[Channel(EpcRegister.DmaRingHi)] = 0;
        this[Channel(EpcRegister.DmaRingSize)] = RingSize;
        this[Channel(EpcRegister.DmaIrqMask)] = 0;
        this[Channel(EpcRegister.DmaControl)] = EpcRegister.DmaControlEnable;
    }

    /// <summary>Submits descriptors and waits for the interrupt of the last.</summary>
    /// <returns>Nanoseconds.</returns>
    public double RunRing(int count)
    {
        uint last = (_dmaTail + (uint)count - 1) % RingSize;
        long flagsAt = RingMemory + (last * EpcRegister.DescSize) + EpcRegister.DescFlags;
        long statusAt = RingMemory + (last * EpcRegister.DescSize) + EpcRegister.DescStatus;
        uint flags = BitConverter.ToUInt32(Memory.Read(flagsAt, sizeof(uint)));
        Memory.Write(flagsAt, BitConverter.GetBytes(flags | EpcRegister.DescFlagInterrupt));
        Memory.Write(statusAt, BitConverter.GetBytes(EpcRegister.DescStatusPending));
        _dmaTail = (last + 1) % RingSize;
        double time = Client.UntilSignal(
            Socket,
            WriteRequest(Registers, (ulong)Channel(EpcRegister.DmaTail), _dmaTail),
            WriteReplySize,
            _dmaSignal);
        Memory.Write(flagsAt, BitConverter.GetBytes(flags));
        this[Channel(EpcRegister.DmaIrqStatus)] = uint.MaxValue;
        uint status = BitConverter.ToUInt32(Memory.Read(statusAt, sizeof(uint)));
        return status == EpcRegister.DescStatusDone
            ? time
            : throw new InvalidOperationException($"a DMA descriptor ended with status {status}");
    }

    public override void Dispose()
    {
        base.Dispose();
        _dmaSignal.Dispose();
    }

    private static int Channel(int register) => EpDriver.Dma(0, register);
}
