using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Kit.Pair;

/// <summary>The host guest: what its firmware, its kernel and its QEMU do with a function.</summary>
internal sealed class HostGuest : GuestClient
{
    /// <summary>Where BAR 0 is placed; the others follow.</summary>
    public const ulong BarsAt = 0xe000_0000;

    private const ushort MemoryAndMaster = 0x6;

    public HostGuest(string path, bool mapMemory = true)
        : base(path)
    {
        if (mapMemory)
        {
            MapMemory();
        }
    }

    /// <summary>Places the BARs and enables I/O, memory and bus mastering.</summary>
    public void Enable()
    {
        for (int bar = 0; bar < 6; bar++)
        {
            WriteConfig(0x10 + (4ul * (ulong)bar), (uint)BarsAt + (uint)(bar * 0x10_0000));
        }

        SetCommand(MemoryAndMaster | 1);
    }

    /// <summary>Writes, and reads to drain the posted write into the EP guest's memory.</summary>
    public void WriteThrough(uint region, ulong offset, uint value)
    {
        Write32(region, offset, value);
        ReadConfig(0);
    }

    public void SetCommand(ushort command) => WriteConfig16(0x04, command);

    /// <summary>The Status register.</summary>
    public ushort Status
    {
        get => (ushort)(ReadConfig(0x04) >> 16);

        // Its error bits are cleared by writing ones.
        set => WriteConfig16(0x06, value);
    }

    /// <summary>AER's Uncorrectable Error Status register.</summary>
    public uint UncorrectableErrors
    {
        get => ReadConfig(FindAer() + 4);

        // Likewise.
        set => WriteConfig(FindAer() + 4, value);
    }

    /// <summary>AER's Correctable Error Status register.</summary>
    public uint CorrectableErrors
    {
        get => ReadConfig(FindAer() + 0x10);
        set => WriteConfig(FindAer() + 0x10, value);
    }

    public EventFd[] EnableMsi(int vectors = EpGuest.MsiVectors, uint address = 0xfee0_1000, ushort data = 0x4020)
    {
        EventFd[] signals = NewSignals(vectors);
        SetEventFds(RawIrq.Msi, RawIrq.Trigger, signals);
        uint capability = FindCapability(0x05);
        uint control = ReadConfig(capability) >> 16;
        WriteConfig(capability + 4, address);
        uint dataOffset = (control & 0x80) != 0 ? 0xcu : 8u;
        if (dataOffset == 0xc)
        {
            WriteConfig(capability + 8, 0);
        }

        WriteConfig16(capability + dataOffset, data);
        int log = System.Numerics.BitOperations.Log2((uint)vectors);
        WriteConfig16(capability + 2, (ushort)((control & ~0x70u) | (uint)log << 4 | 1));
        return signals;
    }

    public EventFd[] EnableMsix(int vectors = EpGuest.MsixVectors)
    {
        EventFd[] signals = NewSignals(vectors);
        SetEventFds(RawIrq.Msix, RawIrq.Trigger, signals);
        WriteConfig16(FindCapability(0x11) + 2, 0x8000);
        return signals;
    }

    public EventFd EnableIntx()
    {
        EventFd[] signal = NewSignals(1);
        SetEventFds(RawIrq.Intx, RawIrq.Trigger, signal);
        return signal[0];
    }

    /// <summary>Initiates a function-level reset.</summary>
    public void ResetFunction()
    {
        uint control = FindCapability(0x10) + 8;
        WriteConfig16(control, (ushort)((ReadConfig(control) & 0xffff) | 0x8000));
    }

    /// <summary>The guest sees no device, and its QEMU still gets answers.</summary>
    public void ExpectAllOnes()
    {
        Wait.Until(() => ReadConfig(0) == uint.MaxValue, "the host reads all ones");
        Assert.That(Read32(1, 0), Is.EqualTo(uint.MaxValue));
        Write32(1, 0, 0);
        ResetDevice();
        Assert.That(HungUp, Is.False);
    }

    private uint FindAer()
    {
        // By single accesses: all of the space at once can take longer than a test's completion time-out.
        uint offset = PciRegister.FirstExtendedCapability;
        uint header = ReadConfig(offset);
        while ((header & 0xffff) != PciRegister.AdvancedErrorReportingId)
        {
            offset = header >> 20;
            Assert.That(offset, Is.GreaterThan(PciRegister.FirstExtendedCapability), "the function has AER");
            header = ReadConfig(offset);
        }

        return offset;
    }

    private static EventFd[] NewSignals(int count) => [.. Enumerable.Range(0, count).Select(_ => EventFd.Create())];
}
