using EpfTest.Kit;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.Unit.Memory;

/// <summary>The cases in which a table of raw pointers could do harm.</summary>
internal sealed class RangeTableTests
{
    private const DmaAccess Both = DmaAccess.Read | DmaAccess.Write;
    private const int Size = 0x2000;
    private const ulong Start = 0x10000;

    private readonly RangeTable _table = new();
    private Memfd _memory = null!;

    [SetUp]
    public void CreateMemory() => _memory = Memfd.Create(Size);

    [TearDown]
    public void UnmapAll()
    {
        _table.UnmapAll();
        _memory.Dispose();
    }

    [OneTimeTearDown]
    public void DisposeTable() => _table.Dispose();

    [TestCase(Start, (ulong)Size)]
    [TestCase(Start - 1, 2ul)]
    [TestCase(Start - 0x1000, 0x1001ul)]
    [TestCase(Start + Size - 1, 1ul)]
    [TestCase(Start + 0x800, 0x10ul)]
    [TestCase(Start - 0x1000, 0x1001ul + Size)]
    [TestCase(0ul, ulong.MaxValue)]
    public void OverlappingRangeIsRefused(ulong address, ulong size)
    {
        Map(Start, Size);
        Assert.That(_table.Map(address, size, Both, null, 0, mayMap: true, out _), Is.EqualTo(Errno.EEXIST));
        Assert.That(_table.Count, Is.EqualTo(1));
    }

    [TestCase(Start - 0x1000)]
    [TestCase(Start + Size)]
    public void AdjacentRangeIsNoOverlap(ulong address)
    {
        Map(Start, Size);
        Map(address, 0x1000);
        Assert.That(_table.Write(Math.Min(address, Start), new byte[0x1000 + Size]), Is.EqualTo(Errno.None));
    }

    [TestCase(0ul, 0ul)]
    [TestCase(Start, 0ul)]
    [TestCase(ulong.MaxValue, 2ul)]
    [TestCase(2ul, ulong.MaxValue)]
    [TestCase(1ul << 63, (1ul << 63) + 1)]
    public void EmptyOrWrappingRangeIsRefused(ulong address, ulong size) => Assert.That(
        _table.Map(address, size, Both, null, 0, mayMap: true, out _), Is.EqualTo(Errno.EINVAL));

    [TestCase(ulong.MaxValue, 2)]
    [TestCase(ulong.MaxValue - 7, 9)]
    public void AccessDoesNotWrapToAddressZero(ulong address, int length)
    {
        Map(unchecked(0 - 0x1000ul), 0x1000);
        Map(0, 0x1000);
        byte[] data = [.. Enumerable.Repeat((byte)0xaa, length)];
        Assert.That(_table.Write(address, data), Is.EqualTo(Errno.EFAULT));
        Assert.That(_table.Read(address, data), Is.EqualTo(Errno.EFAULT));
        Assert.That(_table.Write(address, data.AsSpan(0, length - 1)), Is.EqualTo(Errno.None));
        Assert.That(_memory.Read(0, 1), Is.EqualTo(new byte[1]), "address 0");
    }

    [TestCase(0ul, Size + 1ul)]
    [TestCase(Size + 0ul, 1ul)]
    [TestCase(1ul, Size + 0ul)]
    [TestCase(ulong.MaxValue, 1ul)]
    [TestCase(ulong.MaxValue - 1, 4ul)]
    public void RangeOutsideItsFileIsRefused(ulong offset, ulong size)
    {
        Errno error = _table.Map(Start, size, Both, _memory.Descriptor.Duplicate(), offset, mayMap: true, out _);
        Assert.That((error, _table.Count), Is.EqualTo((Errno.EINVAL, 0)));
    }

    [TestCase(DmaAccess.Read, Errno.None, Errno.EACCES)]
    [TestCase(DmaAccess.Write, Errno.EACCES, Errno.None)]
    [TestCase(DmaAccess.None, Errno.EACCES, Errno.EACCES)]
    public void AccessNeedsTheRight(DmaAccess rights, Errno read, Errno write)
    {
        Map(Start, Size, rights);
        Assert.That(_table.Read(Start, new byte[8]), Is.EqualTo(read));
        Assert.That(_table.Write(Start, [1]), Is.EqualTo(write));
        using (MemoryLease lease = _table.Lease(Start, 8, DmaAccess.Read))
        {
            Assert.That(lease.Bytes.Length, Is.EqualTo(read == Errno.None ? 8 : 0));
        }

        using (MemoryLease lease = _table.Lease(Start, 8, DmaAccess.Write))
        {
            Assert.That(lease.Bytes.Length, Is.EqualTo(write == Errno.None ? 8 : 0));
        }

        Assert.That(_memory.Read(0, 1)[0], Is.EqualTo(write == Errno.None ? 1 : 0));
    }

    [Test]
    public void AccessEndsAtTheFirstRangeWithoutTheRight()
    {
        Map(Start, 0x1000);
        Map(Start + 0x1000, 0x1000, DmaAccess.Read, offset: 0x1000);
        Assert.That(_table.Write(Start + 0xfff, [1, 2]), Is.EqualTo(Errno.EACCES));
        Assert.That(_memory.Read(0x1000, 1), Is.EqualTo(new byte[1]));
    }

    [TestCase(0)]
    [TestCase(0x1000)]
    [TestCase(0x1004)]
    public void TruncatedFileGivesAnErrorAndNeverGrows(int left)
    {
        using var file = Memfd.Create(Size, canShrink: true);
        _table.Map(Start, Size, Both, file.Descriptor.Duplicate(), 0, mayMap: true, out DmaRange range);
        Assert.That(range.Backing, Is.EqualTo(DmaBacking.SystemCalls));
        file.Resize(left);
        Assert.That(_table.Read(Start + (ulong)left, new byte[1]), Is.EqualTo(Errno.EFAULT));
        Assert.That(_table.Read(Start, new byte[Size]), Is.EqualTo(Errno.EFAULT), "partly inside");
        Assert.That(_table.Write(Start, new byte[left + 1]), Is.EqualTo(Errno.EFAULT), "partly inside");
        Assert.That(_table.Read(Start, new byte[left]), Is.EqualTo(Errno.None));
        Assert.That(() => file.Read(left, 1), Throws.InstanceOf<EndOfStreamException>(), "the file has grown");
    }

    [Test]
    public void OnlyAMappingIsLeasedAndOnlyToItsEnd()
    {
        using var file = Memfd.Create(Size, canShrink: true);
        Map(Start, 0x1000);
        Map(Start + 0x1000, 0x1000, offset: 0x1000);
        _table.Map(Start + Size, Size, Both, file.Descriptor.Duplicate(), 0, mayMap: true, out _);
        _table.Map(Start + (2 * Size), Size, Both, null, 0, mayMap: true, out _);
        Assert.That(LeaseLength(Start + 0xff0, 0x20), Is.EqualTo(0x10), "to the end of the range");
        Assert.That(LeaseLength(Start + Size, 8), Is.Zero, "a file that can shrink");
        Assert.That(LeaseLength(Start + (2 * Size), 8), Is.Zero, "private memory");
        Assert.That(LeaseLength(Start - 1, 8), Is.Zero, "no memory");
        _table.IsSuspended = true;
        Assert.That(LeaseLength(Start, 8), Is.Zero, "suspended");
        _table.IsSuspended = false;
    }

    [Test]
    public void UnmapWaitsForALease()
    {
        Map(Start, Size);
        Task unmap;
        using (MemoryLease lease = _table.Lease(Start, 8, DmaAccess.Write))
        {
            unmap = Task.Run(() => _table.Unmap(_table.Ranges.ToArray()));
            Wait.Until(() => _table.Count == 0, "new accesses find no memory");
            Assert.That(unmap.Wait(50), Is.False);
            lease.Bytes.Fill(7);
        }

        Wait.For(unmap);
        Assert.That(_memory.Read(0, 8), Is.All.EqualTo(7));
    }

    [Test]
    public void PrivateMemoryNeedsAMessenger()
    {
        _table.Map(Start, Size, Both, null, 0, mayMap: true, out DmaRange range);
        Assert.That(range.Backing, Is.EqualTo(DmaBacking.Messages));
        Assert.That(_table.Read(Start, new byte[1]), Is.EqualTo(Errno.EFAULT));
    }

    private void Map(ulong address, ulong size, DmaAccess rights = Both, ulong offset = 0) => Assert.That(
        _table.Map(address, size, rights, _memory.Descriptor.Duplicate(), offset, mayMap: true, out _),
        Is.EqualTo(Errno.None));

    private int LeaseLength(ulong address, int wanted)
    {
        using MemoryLease lease = _table.Lease(address, wanted, DmaAccess.Read);
        return lease.Bytes.Length;
    }
}
