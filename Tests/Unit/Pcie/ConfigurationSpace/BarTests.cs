using EpfTest.Protocol.Pcie.ConfigurationSpace;
using FsCheck;
using PropertyAttribute = FsCheck.NUnit.PropertyAttribute;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal class BarTests
{
    private const uint Ones = ~0U;

    [Property]
    public void SizingGivesBackTheSizeOfAnyBAR(BarKind kind, byte size, bool prefetchable, byte bar)
    {
        (int index, BarSpec spec) = AnyBar(kind, size, prefetchable, bar);
        ConfigSpace space = NewSpace();
        space.AddBar(index, spec);

        ulong mask = kind == BarKind.Memory64 ? 0 : ~0UL << 32;
        for (int i = spec.RegisterCount - 1; i >= 0; i--)
        {
            space.WriteDword(Offset(index + i), Ones);
            mask |= (ulong)space.ReadDword(Offset(index + i)) << (32 * i);
        }
        mask &= kind == BarKind.Io ? ~0x3UL : ~0xFUL;
        Assert.That(~mask + 1, Is.EqualTo(spec.Size));
    }

    [Property]
    public void AProgrammedAddressIsGivenBackAlignedToTheSize(
        BarKind kind, byte size, bool prefetchable, byte bar, ulong address)
    {
        (int index, BarSpec spec) = AnyBar(kind, size, prefetchable, bar);
        ConfigSpace space = NewSpace();
        space.AddBar(index, spec);
        uint flags = space.ReadDword(Offset(index));

        space.WriteDword(Offset(index), (uint)address);
        if (kind == BarKind.Memory64)
        {
            space.WriteDword(Offset(index + 1), (uint)(address >> 32));
        }
        ulong expected = (kind == BarKind.Memory64 ? address : (uint)address) / spec.Size * spec.Size;
        Assert.That(space.BarAddress(index), Is.EqualTo(expected));
        Assert.That(space.ReadDword(Offset(index)), Is.EqualTo((uint)expected | flags));
    }

    [TestCase(BarKind.Memory32, false, 0x0U)]
    [TestCase(BarKind.Memory32, true, 0x8U)]
    [TestCase(BarKind.Memory64, false, 0x4U)]
    [TestCase(BarKind.Memory64, true, 0xCU)]
    [TestCase(BarKind.Io, false, 0x1U)]
    public void TheLowBitsSayWhatTheBARIs(BarKind kind, bool prefetchable, uint flags)
    {
        ConfigSpace space = NewSpace();
        space.AddBar(1, new BarSpec(kind, 0x100, prefetchable));
        Assert.That(space.ReadDword(Offset(1)), Is.EqualTo(flags));
        space.WriteDword(Offset(1), Ones);
        Assert.That(space.ReadDword(Offset(1)), Is.EqualTo(0xFFFF_FF00 | flags));
    }

    [Test]
    public void ABAROf4GiBAndMoreIsSizedInItsUpperHalf()
    {
        ConfigSpace space = NewSpace();
        space.AddBar(4, new BarSpec(BarKind.Memory64, 1UL << 36));
        space.WriteDword(Offset(4), Ones);
        space.WriteDword(Offset(5), Ones);
        Assert.That(space.ReadDword(Offset(4)), Is.EqualTo(0x4));
        Assert.That(space.ReadDword(Offset(5)), Is.EqualTo(0xFFFF_FFF0));
    }

    [Test]
    public void AnAbsentBARAndTheExpansionROMRead0EvenAfterASizingWrite()
    {
        ConfigSpace space = NewSpace();
        foreach (int offset in new[] { Offset(0), Offset(5), 0x30 })
        {
            space.WriteDword(offset, Ones);
            Assert.That(space.ReadDword(offset), Is.Zero);
        }
    }

    [TestCase(5, BarKind.Memory64, 0x1000UL, false, "BAR5 cannot be 64-bit: no BAR is left for its upper half")]
    [TestCase(1, BarKind.Memory64, 0x1000UL, false, "BAR1 cannot be 64-bit: BAR2 is set")]
    [TestCase(2, BarKind.Memory32, 0x1000UL, false, "BAR2 is set already")]
    [TestCase(4, BarKind.Memory32, 0x1000UL, false, "BAR4 is the upper half of BAR3")]
    [TestCase(6, BarKind.Memory32, 0x1000UL, false, "there is no BAR6")]
    [TestCase(-1, BarKind.Memory32, 0x1000UL, false, "there is no BAR-1")]
    [TestCase(0, BarKind.Memory32, 0UL, false, "0x0 is not a power of two")]
    [TestCase(0, BarKind.Memory32, 0x1800UL, false, "0x1800 is not a power of two")]
    [TestCase(0, BarKind.Memory32, 8UL, false, "0x8 is not in 0x10..0x80000000")]
    [TestCase(0, BarKind.Memory32, 0x1_0000_0000UL, false, "0x100000000 is not in 0x10..0x80000000")]
    [TestCase(0, BarKind.Io, 2UL, false, "0x2 is not in 0x4..0x80000000")]
    [TestCase(0, BarKind.Io, 4UL, true, "an I/O BAR cannot be prefetchable")]
    [TestCase(0, (BarKind)7, 0x1000UL, false, "7 is not a kind of BAR")]
    public void ABadBARIsRefusedWithTheReason(
        int index, BarKind kind, ulong size, bool prefetchable, string reason)
    {
        ConfigSpace space = NewSpace();
        space.AddBar(2, new BarSpec(BarKind.Memory32, 0x1000));
        space.AddBar(3, new BarSpec(BarKind.Memory64, 0x1000));
        byte[] before = space.ReadAll();
        Assert.That(
            () => space.AddBar(index, new BarSpec(kind, size, prefetchable)),
            Throws.ArgumentException.With.Message.Contains(reason));
        Assert.That(space.ReadAll(), Is.EqualTo(before));
    }

    [TestCase(0u, 0x10UL, true)]
    [TestCase(BarSpec.IoSpaceIndicator, 4UL, true)]
    [TestCase(BarSpec.Type64Bit | BarSpec.PrefetchableBit, 1UL << 40, true)]
    [TestCase(BarSpec.IoSpaceIndicator | BarSpec.Type64Bit, 0x1000UL, false)]
    [TestCase(BarSpec.IoSpaceIndicator | BarSpec.PrefetchableBit, 0x1000UL, false)]
    [TestCase(2u, 0x1000UL, false)]
    [TestCase(0x10u, 0x1000UL, false)]
    [TestCase(0u, 0x1800UL, false)]
    public void ABARIsMadeOfItsFlagsIfARegisterCanEncodeIt(uint flags, ulong size, bool possible)
    {
        Assert.That(BarSpec.TryCreate(flags, size, out BarSpec bar), Is.EqualTo(possible));
        if (possible)
        {
            Assert.That((bar.Flags, bar.Size), Is.EqualTo((flags, size)));
        }
    }

    private static ConfigSpace NewSpace() => new(EndpointFunction.Header);

    private static int Offset(int index) => PciRegister.BaseAddress0 + (4 * index);

    private static (int Index, BarSpec Spec) AnyBar(BarKind kind, byte size, bool prefetchable, byte bar)
    {
        (int min, int max) = kind switch
        {
            BarKind.Memory32 => (4, 31),
            BarKind.Memory64 => (4, 63),
            _ => (2, 31),
        };
        int index = bar % (kind == BarKind.Memory64 ? 5 : 6);
        int log2 = min + (size % (max - min + 1));
        return (index, new BarSpec(kind, 1UL << log2, prefetchable && kind != BarKind.Io));
    }
}
