using EpfTest.Protocol.Pcie.ConfigurationSpace;
using FsCheck;
using PropertyAttribute = FsCheck.NUnit.PropertyAttribute;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal class AccessTests
{
    private static readonly (int Offset, uint ReadOnlyBits)[] s_readOnlyRegisters =
    [
        (0x00, ~0U), // IDs
        (0x04, 0x06FF_FAB8), // Command and Status without their RW and RW1C bits
        (0x08, ~0U), // class, revision
        (0x0C, 0xFFFF_FF00), // all but Cache Line Size
        (0x10, 0x3FFF_FFFF), // 1 GiB, 64-bit, prefetchable
        (0x18, 0x0000_FFFF), // 64 KiB
        (0x1C, 0x0000_00FF), // 256 bytes of I/O
        (0x20, ~0U), // no BAR
        (0x24, ~0U),
        (0x2C, ~0U), // subsystem
        (0x30, ~0U), // no expansion ROM
        (0x34, ~0U),
        (0x3C, 0xFFFF_FF00), // all but Interrupt Line
        (EndpointFunction.Pm, ~0U),
        (EndpointFunction.Pmcsr, 0xFFFF_FFFC), // all but PowerState
        (EndpointFunction.Msi, 0xFF8E_FFFF), // all but MSI Enable and Multiple Message Enable
        (EndpointFunction.Msi + 0x04, 0x3),
        (EndpointFunction.Msi + 0x0C, 0xFFFF_0000),
        (EndpointFunction.Msi + 0x14, ~0U), // pending
        (EndpointFunction.Msix, 0x3FFF_FFFF), // all but enable and Function Mask
        (EndpointFunction.Msix + 4, ~0U),
        (EndpointFunction.Msix + 8, ~0U),
        (EndpointFunction.Express, ~0U),
        (EndpointFunction.Express + 0x04, ~0U),
        (EndpointFunction.DeviceControl, 0xFFF0_8600), // Initiate FLR reads 0
        (EndpointFunction.Express + 0x0C, ~0U),
        (EndpointFunction.Express + 0x10, 0xFFFF_FF34), // Link Control
        (EndpointFunction.Express + 0x14, ~0U), // no slot
        (EndpointFunction.Express + 0x18, ~0U),
        (EndpointFunction.Express + 0x1C, ~0U), // no root port
        (EndpointFunction.Express + 0x20, ~0U),
        (EndpointFunction.Express + 0x24, ~0U),
        (EndpointFunction.Express + 0x28, 0xFFFF_FFEF), // Completion Timeout Disable
        (EndpointFunction.Express + 0x2C, ~0U),
        (EndpointFunction.Express + 0x30, 0xFFFF_0040), // Link Control 2
        (EndpointFunction.Express + 0x34, ~0U),
        (EndpointFunction.Express + 0x38, ~0U),
        (EndpointFunction.Aer, ~0U),
        (EndpointFunction.Aer + 0x04, ~0x0057_F010U),
        (EndpointFunction.Aer + 0x08, ~0x0057_F010U),
        (EndpointFunction.Aer + 0x0C, ~0x0057_F010U),
        (EndpointFunction.Aer + 0x10, ~0x0000_2000U), // Advisory Non-Fatal Error, the only one that occurs
        (EndpointFunction.Aer + 0x14, ~0x0000_71C1U),
        (EndpointFunction.Aer + 0x18, ~0U),
        (EndpointFunction.Aer + 0x1C, ~0U), // header log
        (EndpointFunction.Aer + 0x28, ~0U),
        (EndpointFunction.Aer + 0x2C, ~0U), // no root registers
        (EndpointFunction.Aer + 0x30, ~0U),
        (EndpointFunction.SerialNumber, ~0U),
        (EndpointFunction.SerialNumber + 4, ~0U),
        (EndpointFunction.SerialNumber + 8, ~0U),
        (0x154, ~0U), // beyond the last capability
        (0xFFC, ~0U),
    ];

    private static readonly (int Offset, uint Bits)[] s_oneToClear =
    [
        (0x04, 0xF900_0000),
        (EndpointFunction.DeviceControl, 0x000F_0000),
        (EndpointFunction.Aer + 0x04, 0x0057_F010),
        (EndpointFunction.Aer + 0x10, 0x0000_2000),
    ];

    [Property]
    public void ReadOnlyBitsNeverChangeByHostWrites((ushort Offset, byte[] Data)[] writes)
    {
        ConfigSpace space = EndpointFunction.Create();
        uint[] before = [.. s_readOnlyRegisters.Select(r => space.ReadDword(r.Offset) & r.ReadOnlyBits)];
        WriteAll(space, writes);
        uint[] after = [.. s_readOnlyRegisters.Select(r => space.ReadDword(r.Offset) & r.ReadOnlyBits)];
        Assert.That(after, Is.EqualTo(before));
    }

    [Test]
    public void ReadOnlyBitsDoNotChangeWhenAllBytesAreWritten()
    {
        ConfigSpace space = EndpointFunction.Create();
        uint[] before = [.. s_readOnlyRegisters.Select(r => space.ReadDword(r.Offset) & r.ReadOnlyBits)];
        byte[] ones = new byte[4096];
        Array.Fill(ones, (byte)0xFF);
        space.Write(0, ones);
        Assert.That(s_readOnlyRegisters.Select(r => space.ReadDword(r.Offset) & r.ReadOnlyBits), Is.EqualTo(before));
        space.Write(0, new byte[4096]);
        Assert.That(s_readOnlyRegisters.Select(r => space.ReadDword(r.Offset) & r.ReadOnlyBits), Is.EqualTo(before));
    }

    [Test]
    public void EveryOtherBitOfThoseRegistersCanBeWritten()
    {
        ConfigSpace space = EndpointFunction.Create();
        RecordEveryError(space);
        uint[] before = [.. s_readOnlyRegisters.Select(r => space.ReadDword(r.Offset))];
        byte[] inverted = space.ReadAll();
        for (int i = 0; i < inverted.Length; i++)
        {
            inverted[i] ^= 0xFF;
        }
        foreach ((int offset, _) in s_oneToClear)
        {
            // Inverting would write 0 to bits that are set and so leave them.
            BitConverter.TryWriteBytes(inverted.AsSpan(offset), ~0U);
        }

        // An FLR would undo the writes.
        inverted[EndpointFunction.DeviceControl + 1] &= 0x7F;
        space.Write(0, inverted);
        for (int i = 0; i < s_readOnlyRegisters.Length; i++)
        {
            (int offset, uint readOnly) = s_readOnlyRegisters[i];
            uint changed = space.ReadDword(offset) ^ before[i];
            uint writable = ~readOnly & ~RegisterWithRwNextToRw1c(offset);
            Assert.That(changed & writable, Is.EqualTo(writable), $"0x{offset:x}");
        }

        // Where ones were written for RW1C's sake, RW bits that were 1 stay 1.
        static uint RegisterWithRwNextToRw1c(int offset) => offset switch
        {
            EndpointFunction.DeviceControl => 0x2810, // Relaxed Ordering, No Snoop, MRRS out of reset
            _ => 0,
        };
    }

    [Property]
    public void RW1CBitsOnlyEverClear((ushort Offset, byte[] Data)[] writes)
    {
        ConfigSpace space = EndpointFunction.Create();
        RecordEveryError(space);
        foreach ((ushort offset, byte[] data) in writes)
        {
            uint[] before = [.. s_oneToClear.Select(r => space.ReadDword(r.Offset) & r.Bits)];
            WriteAll(space, [(offset, data)]);
            uint[] after = [.. s_oneToClear.Select(r => space.ReadDword(r.Offset) & r.Bits)];
            Assert.That(after.Zip(before, (a, b) => a & ~b), Is.All.EqualTo(0U));
        }
    }

    [Test]
    public void RW1CBitsAreClearedByOnesAndLeftByZeros()
    {
        ConfigSpace space = EndpointFunction.Create();
        RecordEveryError(space);
        foreach ((int offset, uint bits) in s_oneToClear)
        {
            Assert.That(space.ReadDword(offset) & bits, Is.EqualTo(bits), $"0x{offset:x} recorded");
            uint one = bits & ~(bits - 1);
            space.WriteDword(offset, one);
            Assert.That(space.ReadDword(offset) & bits, Is.EqualTo(bits & ~one), $"0x{offset:x}");
            space.WriteDword(offset, 0);
            Assert.That(space.ReadDword(offset) & bits, Is.EqualTo(bits & ~one), $"0x{offset:x}");
        }
    }

    [Property]
    public void ByteEnablesOnlyTouchEnabledBytes(ushort dword, uint value, byte enables)
    {
        ConfigSpace space = EndpointFunction.Create();
        int offset = dword % 1024 * 4;

        // An FLR would change other bytes.
        value &= offset == EndpointFunction.DeviceControl ? ~0x8000U : ~0U;
        byte[] before = space.ReadAll();
        space.WriteDword(offset, value, (byte)(enables & 0xF));
        byte[] after = space.ReadAll();
        for (int i = 0; i < after.Length; i++)
        {
            bool enabled = i >= offset && i < offset + 4 && ((enables >> (i - offset)) & 1) != 0;
            Assert.That(enabled || after[i] == before[i], $"byte 0x{i:x}");
        }
    }

    [Property]
    public void ADWWriteWithAllBytesEnabledIsAWriteOfFourBytes(ushort dword, uint value)
    {
        ConfigSpace whole = EndpointFunction.Create();
        ConfigSpace bytes = EndpointFunction.Create();
        int offset = dword % 1024 * 4;
        whole.WriteDword(offset, value, 0xF);
        bytes.Write(offset, BitConverter.GetBytes(value));
        Assert.That(whole.ReadAll(), Is.EqualTo(bytes.ReadAll()));
    }

    [Property]
    public void ReadsOfAnyLengthAgree(ushort start, ushort size)
    {
        ConfigSpace space = EndpointFunction.Create();
        int offset = start % 4096;
        int length = size % (4096 - offset) + 1;
        Assert.That(space.ReadBytes(offset, length), Is.EqualTo(space.ReadAll()[offset..(offset + length)]));
    }

    [TestCase(-1, 1)]
    [TestCase(4096, 1)]
    [TestCase(4095, 2)]
    [TestCase(0, 4097)]
    [TestCase(int.MaxValue, 1)]
    public void AnAccessOutsideTheSpaceIsRefused(int offset, int length)
    {
        ConfigSpace space = EndpointFunction.Create();
        Assert.That(() => space.Read(offset, new byte[length]), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => space.Write(offset, new byte[length]), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [TestCase(-4)]
    [TestCase(2)]
    [TestCase(4094)]
    [TestCase(4096)]
    public void ADWAccessElsewhereThanAtADWOfTheSpaceIsRefused(int offset)
    {
        ConfigSpace space = EndpointFunction.Create();
        Assert.That(() => space.ReadDword(offset), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => space.WriteDword(offset, 0, 0xF), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void MoreThanFourByteEnablesAreRefused() =>
        Assert.That(
            () => EndpointFunction.Create().WriteDword(0, 0, 0x10), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void AccessesAllocateNothing()
    {
        ConfigSpace space = EndpointFunction.Create();
        space.Observer = new IgnoringObserver();
        byte[] all = new byte[4096];
        Access();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Access();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Access()
        {
            space.Read(0, all);
            all.AsSpan().Reverse();
            space.Write(0, all);
            space.WriteDword(EndpointFunction.DeviceControl, 0x8000, 0x3);
            space.WriteDword(0x04, ~space.ReadDword(0x04), 0xF);
        }
    }

    private static void RecordEveryError(ConfigSpace space)
    {
        // Unmask the advisory error, so that it is recorded with what is behind it.
        space.WriteDword(EndpointFunction.Aer + 0x14, 0);
        foreach (UncorrectableError error in Enum.GetValues<UncorrectableError>())
        {
            space.AdvancedErrorReporting!.RecordUncorrectable(error, advisory: true);
        }
        space.RecordStatus(PciStatus.Errors);
        space.PciExpress!.RecordDetected(DeviceStatus.Errors);
    }

    private static void WriteAll(ConfigSpace space, (ushort Offset, byte[] Data)[] writes)
    {
        foreach ((ushort start, byte[] data) in writes)
        {
            // Most registers are at the start of either half; the rest is hit now and then.
            int offset = start % 3 == 0 ? start % 4096 : start % 0x160;
            space.Write(offset, data.AsSpan(0, Math.Min(data.Length, 4096 - offset)));
        }
    }

    private sealed class IgnoringObserver : IConfigSpaceObserver;
}
