using System.Diagnostics;
using EpfTest.Bench.Machine;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Guests;

/// <summary>The EP guest: sets functions up and starts the link as its driver does (docs/registers.md).</summary>
internal sealed class EpSide : DeviceClient
{
    /// <summary>The region of the controller's registers.</summary>
    public const uint Registers = EpcRegister.BarRegs;

    /// <summary>Bytes of each function's BAR 0, whose MSI-X table and pending bits take some of it.</summary>
    public const int BarSize = 1 << 16;

    /// <summary>Where memory for DMA starts; before it are BARs and rings.</summary>
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
        WriteConfig(0x04, (ushort)0x6);
    }

    /// <summary>Descriptors of the DMA ring; one less fits at a time.</summary>
    public const int RingSize = 65536;

    /// <summary>Where a function's BAR 0 is in memory.</summary>
    public static int BarAt(int function) => BarMemory + (function * BarSize);

    /// <summary>A register of a function's block.</summary>
    public static int Function(int function, int register) =>
        EpcRegister.FunctionBase + (function * EpcRegister.FunctionStride) + register;

    /// <summary>Sets functions up, from the first, each with a BAR of memory and MSI-X.</summary>
    public void SetUp(int functions)
    {
        for (int function = 0; function < functions; function++)
        {
            int inbound = Function(function, EpcRegister.FnInboundBase);
            Set64(inbound + EpcRegister.FnInboundOffsetLo, 0);
            Set64(inbound + EpcRegister.FnInboundSizeLo, BarSize);
            Set64(inbound + EpcRegister.FnInboundTargetLo, (ulong)BarAt(function));
            int bar = Function(function, EpcRegister.FnBarBase);
            Set64(bar + EpcRegister.FnBarSizeLo, BarSize);
            Set(bar + EpcRegister.FnBarFlags, 0);
            Commit(function, EpcRegister.FnBarBase + EpcRegister.FnBarControl, EpcRegister.FnBarControlEnable | (1 << 8));
            Set(Function(function, EpcRegister.FnMsixTable), 0);
            Set(Function(function, EpcRegister.FnMsixPba), PendingBits);
            Commit(function, EpcRegister.FnMsixSetup, MsixVectors);
            Set(Function(function, EpcRegister.FnVendorDevice), 0xb500_104c);
            Set(Function(function, EpcRegister.FnClassRevision), 0xff00_0001);
            Commit(function, EpcRegister.FnControl, EpcRegister.FnControlPresent);
        }
    }

    /// <summary>Starts the link as soon as a host side is there, again if it is lost meanwhile, and waits until it is up.</summary>
    public void LinkUp()
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            uint status = Read32(Registers, EpcRegister.LinkStatus);
            if ((status & EpcRegister.LinkStatusUp) != 0)
            {
                return;
            }

            if ((status & EpcRegister.LinkStatusPerst) == 0
                && (Read32(Registers, EpcRegister.LinkControl) & EpcRegister.LinkControlEnable) == 0)
            {
                Set(EpcRegister.LinkControl, EpcRegister.LinkControlEnable);
            }
            else if (Stopwatch.GetElapsedTime(start) > Limits.Link)
            {
                throw new TimeoutException($"the link did not come up within {Limits.Link.TotalSeconds} s");
            }
            else
            {
                Thread.Sleep(1);
            }
        }
    }

    /// <summary>The request that raises a function's first MSI-X vector.</summary>
    public static byte[] RaiseMsix(int function) =>
        WriteRequest(Registers, (ulong)Function(function, EpcRegister.FnRaiseMsix), 0);

    /// <summary>Enables DMA channel 0 with a ring whose descriptors copy pieces one after the other.</summary>
    /// <param name="size">Bytes of each.</param>
    /// <param name="span">Bytes after which they start over.</param>
    /// <param name="fromHost">From the host's memory to the guest's, or the other way.</param>
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
        Set(Channel(EpcRegister.DmaControl), EpcRegister.DmaControlReset);
        _ = Read32(Registers, (ulong)Channel(EpcRegister.DmaControl));
        SetMsixSignal(FirstDmaVector, _dmaSignal);
        Set(Channel(EpcRegister.DmaRingLo), RingMemory);
        Set(Channel(EpcRegister.DmaRingHi), 0);
        Set(Channel(EpcRegister.DmaRingSize), RingSize);
        Set(Channel(EpcRegister.DmaIrqMask), 0);
        Set(Channel(EpcRegister.DmaControl), EpcRegister.DmaControlEnable);
    }

    /// <summary>Submits descriptors and waits until the last has interrupted.</summary>
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
        Set(Channel(EpcRegister.DmaIrqStatus), uint.MaxValue);
        uint status = BitConverter.ToUInt32(Memory.Read(statusAt, sizeof(uint)));
        return status == EpcRegister.DescStatusDone
            ? time
            : throw new InvalidOperationException($"a DMA descriptor ended with status {status}");
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _dmaSignal.Dispose();
    }

    private static int Channel(int register) => EpcRegister.DmaBase + register;

    private void Commit(int function, int register, uint value)
    {
        Set(Function(function, register), value);
        uint result = Read32(Registers, (ulong)Function(function, EpcRegister.FnResult));
        if (result != EpcRegister.ResultOk)
        {
            throw new InvalidOperationException($"register 0x{register:x} of function {function}: result {result}");
        }
    }

    private void Set(int register, uint value) => Write(Registers, (ulong)register, BitConverter.GetBytes(value));

    private void Set64(int register, ulong value) => Write(Registers, (ulong)register, BitConverter.GetBytes(value));
}
