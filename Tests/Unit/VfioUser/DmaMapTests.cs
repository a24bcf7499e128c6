using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.Unit.VfioUser;

/// <summary>VFIO_USER_DMA_MAP and VFIO_USER_DMA_UNMAP.</summary>
[NonParallelizable]
internal sealed class DmaMapTests : ConnectedFixture
{
    private const ulong Page = 0x1000;
    private const ulong LastPage = 0xfffffffffffff000;
    private const uint MmapFlag = 1 << 2;
    private const uint FileIoFlag = 1 << 3;

    private DmaTable Memory => Server.Memory;

    [TestCase(false, DmaBacking.Mapping)]
    [TestCase(true, DmaBacking.SystemCalls)]
    public void MemoryIsReachedThroughItsDescriptor(bool canShrink, DmaBacking backing)
    {
        using var memfd = Memfd.Create(4 * (long)Page, canShrink);
        Assert.That(Map(0x10000, 2 * Page, memfd.Descriptor, offset: Page), Is.EqualTo(Errno.None));
        Assert.That(Memory.Ranges.Find(0x10000)?.Backing, Is.EqualTo(backing));

        Assert.That(Memory.Write(0x10ffe, [1, 2, 3, 4]), Is.EqualTo(Errno.None));
        Assert.That(memfd.Read(0x1ffe, 4), Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
        memfd.Write(0x2ff8, [8, 7, 6, 5, 4, 3, 2, 1]);
        byte[] read = new byte[8];
        Assert.That(Memory.Read(0x11ff8, read), Is.EqualTo(Errno.None));
        Assert.That(read, Is.EqualTo(new byte[] { 8, 7, 6, 5, 4, 3, 2, 1 }));
    }

    /// <summary>With hugetlb=on, and with a file of /dev/hugepages.</summary>
    [TestCase(false, DmaBacking.Mapping)]
    [TestCase(true, DmaBacking.SystemCalls)]
    public void HugePagesAreReachedThroughTheirDescriptor(bool canShrink, DmaBacking backing)
    {
        using var pages = new HugePages(2);
        ulong page = (ulong)HugePages.Size;
        using var memfd = Memfd.Create(2 * (long)page, canShrink, huge: true);
        Assert.That(Map(0x10000, page, memfd.Descriptor, offset: Page), Is.EqualTo(Errno.None));
        Assert.That(Memory.Ranges.Find(0x10000)?.Backing, Is.EqualTo(backing));

        // In the range's last page of 4 KiB, across the two huge pages.
        ulong across = page - Page - 2;
        Assert.That(Memory.Write(0x10000 + across, [1, 2, 3, 4]), Is.EqualTo(Errno.None));
        Assert.That(memfd.Read((long)page - 2, 4), Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
        memfd.Write((long)page - 3, [8, 7, 6, 5]);
        byte[] read = new byte[4];
        Assert.That(Memory.Read(0x10000 + across - 1, read), Is.EqualTo(Errno.None));
        Assert.That(read, Is.EqualTo(new byte[] { 8, 7, 6, 5 }));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(4)]
    [TestCase(8)]
    [TestCase(9)]
    [TestCase(4096)]
    public void AccessOfAnyLengthAndAlignmentMovesJustItsBytes(int length)
    {
        using var memfd = Memfd.Create(4 * (long)Page);
        Map(0, 4 * Page, memfd.Descriptor);
        byte[] data = [.. Enumerable.Range(1, length).Select(i => (byte)i)];
        byte[] read = new byte[length];
        for (int offset = 16; offset < 24; offset++)
        {
            memfd.Write(0, new byte[4 * Page]);
            Assert.That(Memory.Write((ulong)offset, data), Is.EqualTo(Errno.None));
            Assert.That(Memory.Read((ulong)offset, read), Is.EqualTo(Errno.None));
            Assert.That(read, Is.EqualTo(data));
            Assert.That(
                memfd.Read(0, length + 48), Is.EqualTo(
                    (byte[])[.. new byte[offset], .. data, .. new byte[48 - offset]]));
        }
    }

    // The range that is there: [0x10000, 0x14000).
    [TestCase(0x10000ul, 0x4000ul, TestName = "{m}(the same)")]
    [TestCase(0x10000ul, 0x1000ul, TestName = "{m}(its start)")]
    [TestCase(0x13000ul, 0x1000ul, TestName = "{m}(its end)")]
    [TestCase(0x11000ul, 0x1000ul, TestName = "{m}(its middle)")]
    [TestCase(0xf000ul, 0x1001ul, TestName = "{m}(one byte across the start)")]
    [TestCase(0x13ffful, 0x1000ul, TestName = "{m}(one byte across the end)")]
    [TestCase(0xf000ul, 0x10000ul, TestName = "{m}(all round it)")]
    [TestCase(0x0ul, ulong.MaxValue, TestName = "{m}(almost everything)")]
    public void OverlappingRangeIsRefused(ulong address, ulong size)
    {
        Assert.That(Map(0x10000, 0x4000), Is.EqualTo(Errno.None));
        Assert.That(Map(address, size), Is.EqualTo(Errno.EEXIST));
        Assert.That(Memory.Count, Is.EqualTo(1));
    }

    [Test]
    public void AdjacentRangesAreReadAndWrittenAsOne()
    {
        using var first = Memfd.Create((long)Page);
        using var second = Memfd.Create((long)Page, canShrink: true);
        Assert.That(Map(0x11000, Page, second.Descriptor), Is.EqualTo(Errno.None));
        Assert.That(Map(0x10000, Page, first.Descriptor), Is.EqualTo(Errno.None));
        Assert.That(Memory.Write(0x10ffd, [1, 2, 3, 4, 5, 6]), Is.EqualTo(Errno.None));
        Assert.That(first.Read(0xffd, 3), Is.EqualTo(new byte[] { 1, 2, 3 }));
        Assert.That(second.Read(0, 3), Is.EqualTo(new byte[] { 4, 5, 6 }));
        byte[] read = new byte[6];
        Assert.That(Memory.Read(0x10ffd, read), Is.EqualTo(Errno.None));
        Assert.That(read, Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 6 }));
        Assert.That(Memory.Read(0x11fff, read), Is.EqualTo(Errno.EFAULT));
    }

    [TestCase(0x1000ul, 0ul, TestName = "{m}(empty)")]
    [TestCase(0ul, 0ul, TestName = "{m}(empty at zero)")]
    [TestCase(0xfffffffffffff000ul, 0x1001ul, TestName = "{m}(wrapping)")]
    [TestCase(2ul, ulong.MaxValue, TestName = "{m}(wrapping to zero)")]
    public void ImpossibleRangeIsRefused(ulong address, ulong size) =>
        Assert.That(Map(address, size), Is.EqualTo(Errno.EINVAL));

    [Test]
    public void RangeMayEndAtTheLastAddress()
    {
        using var memfd = Memfd.Create((long)Page);
        Assert.That(Map(LastPage, Page, memfd.Descriptor), Is.EqualTo(Errno.None));
        Assert.That(Memory.Write(ulong.MaxValue, [9]), Is.EqualTo(Errno.None));
        Assert.That(memfd.Read((long)Page - 1, 1), Is.EqualTo(new byte[] { 9 }));
        Assert.That(Client.Try(RawCommand.DmaUnmap, RawPayload.DmaUnmap(LastPage, Page)), Is.EqualTo(Errno.None));
    }

    [TestCase(0ul, Page + 1)]
    [TestCase(1ul, Page)]
    [TestCase(Page, 1ul)]
    [TestCase(ulong.MaxValue, 1ul)]
    [TestCase(0x8000000000000000ul, 1ul)]
    public void RangeThatItsFileDoesNotHoldIsRefused(ulong offset, ulong size)
    {
        using var memfd = Memfd.Create((long)Page);
        int before = OpenDescriptors.Count();
        Assert.That(Map(0x10000, size, memfd.Descriptor, offset), Is.EqualTo(Errno.EINVAL));
        OpenDescriptors.WaitUntilBackTo(before);
    }

    [Test]
    public void WritableRangeNeedsAWritableDescriptor()
    {
        using var memfd = Memfd.Create((long)Page);
        using FileDescriptor readOnly = memfd.OpenReadOnly();
        Assert.That(Map(0x10000, Page, readOnly), Is.EqualTo(Errno.EINVAL));
        Assert.That(Map(0x10000, Page, readOnly, flags: RawPayload.Readable), Is.EqualTo(Errno.None));
        Assert.That(Memory.Read(0x10000, new byte[4]), Is.EqualTo(Errno.None));
        Assert.That(Memory.Write(0x10000, new byte[4]), Is.EqualTo(Errno.EACCES));
    }

    [TestCase(0u, Errno.EACCES, Errno.EACCES)]
    [TestCase(RawPayload.Readable, Errno.None, Errno.EACCES)]
    [TestCase(RawPayload.Writable, Errno.EACCES, Errno.None)]
    public void RangeAllowsWhatItsFlagsSay(uint flags, Errno read, Errno write)
    {
        using var memfd = Memfd.Create((long)Page);
        Assert.That(Map(0, Page, memfd.Descriptor, flags: flags), Is.EqualTo(Errno.None));
        Assert.That(Memory.Read(8, new byte[8]), Is.EqualTo(read));
        Assert.That(Memory.Write(8, new byte[8]), Is.EqualTo(write));
    }

    [TestCase(1u << 4, 32u)]
    [TestCase(0x80000003u, 32u)]
    [TestCase(3u, 31u)]
    [TestCase(3u, 0u)]
    [TestCase(MmapFlag, 32u, TestName = "{m}(no descriptor to map)")]
    [TestCase(FileIoFlag, 32u, TestName = "{m}(no descriptor to read)")]
    public void BadMapRequestIsRefused(uint flags, uint argsz)
    {
        byte[] payload = RawPayload.DmaMap(0, Page, flags: flags, argsz: argsz);
        Assert.That(Client.Try(RawCommand.DmaMap, payload), Is.EqualTo(Errno.EINVAL));
    }

    [Test]
    public void ShortRequestsAreRefused()
    {
        Assert.That(Client.Try(RawCommand.DmaMap, RawPayload.DmaMap(0, Page).AsSpan(..31)), Is.EqualTo(Errno.EINVAL));
        Assert.That(
            Client.Try(RawCommand.DmaUnmap, RawPayload.DmaUnmap(0, Page).AsSpan(..23)), Is.EqualTo(Errno.EINVAL));
        Assert.That(Client.Try(RawCommand.DmaUnmap, new byte[8]), Is.EqualTo(Errno.EINVAL));
    }

    [Test]
    public void ClientMayAskForFileAccess()
    {
        using var memfd = Memfd.Create((long)Page);
        Assert.That(Map(0, Page, memfd.Descriptor, flags: 3 | FileIoFlag), Is.EqualTo(Errno.None));
        Assert.That(Memory.Ranges.Find(0)?.Backing, Is.EqualTo(DmaBacking.SystemCalls));
        Assert.That(Map(Page, Page, memfd.Descriptor, offset: 0, flags: 3 | MmapFlag), Is.EqualTo(Errno.None));
        Assert.That(Memory.Ranges.Find(Page)?.Backing, Is.EqualTo(DmaBacking.Mapping));
    }

    [Test]
    public void FileThatShrinksGivesAnErrorAndIsNotMadeToGrow()
    {
        using var memfd = Memfd.Create(2 * (long)Page, canShrink: true);
        Map(0, 2 * Page, memfd.Descriptor);
        memfd.Resize((long)Page);
        byte[] bytes = new byte[16];
        Assert.That(Memory.Read(Page, bytes), Is.EqualTo(Errno.EFAULT));
        Assert.That(Memory.Read(Page - 8, bytes), Is.EqualTo(Errno.EFAULT));
        Assert.That(Memory.Write(Page, bytes), Is.EqualTo(Errno.EFAULT));
        Assert.That(Memory.Write(Page - 8, bytes), Is.EqualTo(Errno.EFAULT));
        Assert.That(Memory.Read(Page - 16, bytes), Is.EqualTo(Errno.None));
        Assert.That(() => memfd.Read((long)Page, 1), Throws.TypeOf<EndOfStreamException>());
    }

    [Test]
    public void HugePagesThatAreTruncatedGiveAnErrorAndAreNotMadeToGrow()
    {
        using var pages = new HugePages(2);
        ulong page = (ulong)HugePages.Size;
        using var memfd = Memfd.Create(2 * (long)page, canShrink: true, huge: true);
        Map(0, 2 * page, memfd.Descriptor);
        byte[] bytes = [1, 2, 3, 4];
        Assert.That(Memory.Write(page - 2, bytes), Is.EqualTo(Errno.None));
        memfd.Resize((long)page);
        Assert.That(Memory.Read(page - 2, new byte[4]), Is.EqualTo(Errno.EFAULT));
        Assert.That(Memory.Write(page - 2, bytes), Is.EqualTo(Errno.EFAULT));
        Assert.That(Memory.Write(page, bytes), Is.EqualTo(Errno.EFAULT));
        Assert.That(Memory.Write(page - 4, bytes), Is.EqualTo(Errno.None));
        Assert.That(() => memfd.Read((long)page, 1), Throws.TypeOf<EndOfStreamException>());
    }

    /// <summary>With reserve=off, memory can be larger than what the machine has.</summary>
    [Test]
    public void HugePagesThatTheMachineDoesNotHaveGiveAnError()
    {
        using var pages = new HugePages(1);
        ulong page = (ulong)HugePages.Size;
        using var memfd = Memfd.Create((HugePages.Available + 1) * (long)page, huge: true);
        ulong size = (ulong)memfd.Length;
        Assert.That(Map(0, size, memfd.Descriptor), Is.EqualTo(Errno.None));
        Assert.That(Memory.Ranges.Find(0)?.Backing, Is.EqualTo(DmaBacking.SystemCalls));
        for (ulong start = 0; start < size - page; start += page)
        {
            Assert.That(Memory.Write(start, [1]), Is.EqualTo(Errno.None));
        }

        Assert.That(Memory.Write(size - page, [1]), Is.EqualTo(Errno.EFAULT));
        Assert.That(Memory.Write(0, [1]), Is.EqualTo(Errno.None));
    }

    [Test]
    public void FileThatHasGrownIsMappedAtItsNewLength()
    {
        using var memfd = Memfd.Create((long)Page);
        Map(0, Page, memfd.Descriptor);
        memfd.Resize(2 * (long)Page);
        Assert.That(Map(Page, Page, memfd.Descriptor, offset: Page), Is.EqualTo(Errno.None));
        Assert.That(Memory.Write(Page - 1, [1, 2]), Is.EqualTo(Errno.None));
        Assert.That(memfd.Read((long)Page - 1, 2), Is.EqualTo(new byte[] { 1, 2 }));
    }

    [Test]
    public void As65535RangesOneFileCostsOneDescriptor()
    {
        using var memfd = Memfd.Create((long)Page);
        int before = OpenDescriptors.Count();
        for (ulong i = 0; i < DmaTable.MaxRanges - 1; i++)
        {
            Client.Post(RawCommand.DmaMap, RawPayload.DmaMap(i * Page, Page), memfd.Descriptor);
        }

        Assert.That(Map((DmaTable.MaxRanges - 1) * Page, Page, memfd.Descriptor), Is.EqualTo(Errno.None));
        Assert.That(Memory.Count, Is.EqualTo(65535));
        OpenDescriptors.WaitUntilBackTo(before + 1);
        Assert.That(Map(DmaTable.MaxRanges * Page, Page), Is.EqualTo(Errno.EINVAL), "one too many");
        Assert.That(Memory.Write(0x7fff * Page, [42]), Is.EqualTo(Errno.None));
        Assert.That(memfd.Read(0, 1), Is.EqualTo(new byte[] { 42 }));
        Assert.That(
            Client.Try(RawCommand.DmaUnmap, RawPayload.DmaUnmap(0, 0, RawPayload.UnmapAll)), Is.EqualTo(Errno.None));
        Assert.That(Memory.Count, Is.Zero);
        OpenDescriptors.WaitUntilBackTo(before);
    }

    [Test]
    public void UnmappedRangeIsGoneWithItsDescriptor()
    {
        using var memfd = Memfd.Create((long)Page);
        int before = OpenDescriptors.Count();
        Map(0x10000, Page, memfd.Descriptor);
        byte[] unmap = RawPayload.DmaUnmap(0x10000, Page);
        Assert.That(Client.Call(RawCommand.DmaUnmap, unmap).Payload, Is.EqualTo(unmap));
        Assert.That(Memory.Read(0x10000, new byte[1]), Is.EqualTo(Errno.EFAULT));
        OpenDescriptors.WaitUntilBackTo(before);
        Assert.That(Client.Try(RawCommand.DmaUnmap, unmap), Is.EqualTo(Errno.None), "once more");
        Assert.That(
            string.Join("; ", Device.Calls.Where(call => call.Contains("0x10000", StringComparison.Ordinal))),
            Is.EqualTo("mapped [0x10000, 0x10fff] by Mapping; unmapping [0x10000, 0x10fff] by Mapping"));
    }

    /// <summary>The specification asks for exactly one range; QEMU expects what the kernel's VFIO does.</summary>
    [TestCase(0x10000ul, 0x1000ul, TestName = "{m}(its first half)")]
    [TestCase(0x11000ul, 0x1000ul, TestName = "{m}(its second half)")]
    [TestCase(0xf000ul, 0x2000ul, TestName = "{m}(from before into it)")]
    [TestCase(0x11000ul, 0x3000ul, TestName = "{m}(from within it beyond it)")]
    [TestCase(0x10800ul, 0x1000ul, TestName = "{m}(its middle)")]
    [TestCase(0ul, 0ul, TestName = "{m}(nothing)")]
    [TestCase(0x10000ul, 0xffff_ffff_ffff_0001ul, TestName = "{m}(beyond the last address)")]
    public void UnmapThatWouldCutARangeInTwoChangesNothing(ulong address, ulong size)
    {
        Map(0x10000, 0x2000);
        Map(0x20000, 0x1000);
        Assert.That(Client.Try(RawCommand.DmaUnmap, RawPayload.DmaUnmap(address, size)), Is.EqualTo(Errno.EINVAL));
        Assert.That(Memory.Count, Is.EqualTo(2));
        Assert.That(Device.Calls, Has.None.StartsWith("unmapping"));
    }

    [TestCase(0ul, 0x10000ul)]
    [TestCase(0x12000ul, 0x1000ul)]
    [TestCase(0x8000_0000_0000_0000ul, 0x8000_0000_0000_0000ul)]
    public void UnmapOfNothingSucceeds(ulong address, ulong size)
    {
        Map(0x10000, 0x2000);
        byte[] unmap = RawPayload.DmaUnmap(address, size);
        Assert.That(Client.Call(RawCommand.DmaUnmap, unmap).Payload, Is.EqualTo(unmap));
        Assert.That(Memory.Count, Is.EqualTo(1));
        Assert.That(Device.Calls, Has.None.StartsWith("unmapping"));
    }

    /// <summary>With an IOMMU in the guest QEMU unmaps large parts of the address space at once.</summary>
    [Test]
    public void UnmapRemovesEveryRangeInside()
    {
        Assert.That(Map(0x10000, 0x1000), Is.EqualTo(Errno.None));
        Assert.That(Map(0x11000, 0x1000), Is.EqualTo(Errno.None));
        Assert.That(Map(0x8000_0000, 0x1000), Is.EqualTo(Errno.None));
        Assert.That(Client.Try(RawCommand.DmaUnmap, RawPayload.DmaUnmap(0, 0x8000_0000)), Is.EqualTo(Errno.None));
        Assert.That(Memory.Count, Is.EqualTo(1));
        Assert.That(
            string.Join("; ", Device.Calls.Where(call => call.StartsWith("unmapping", StringComparison.Ordinal))),
            Is.EqualTo("unmapping [0x10000, 0x10fff] by Messages; unmapping [0x11000, 0x11fff] by Messages"));
        Assert.That(Map(0x10000, 0x1000), Is.EqualTo(Errno.None));
    }

    [TestCase(Page, Page, 0u, 8u, TestName = "{m}(argsz too small)")]
    [TestCase(Page, Page, 0u, (1u << 20) + 8, TestName = "{m}(argsz too large)")]
    [TestCase(Page, Page, 1u, 24u, TestName = "{m}(dirty bitmap)")]
    [TestCase(Page, Page, 4u, 24u, TestName = "{m}(unknown flag)")]
    [TestCase(Page, Page, 2u, 24u, TestName = "{m}(all with a range)")]
    [TestCase(0ul, Page, 2u, 24u, TestName = "{m}(all with a size)")]
    [TestCase(0ul, 0ul, 3u, 24u, TestName = "{m}(all with dirty bitmap)")]
    public void BadUnmapRequestIsRefused(ulong address, ulong size, uint flags, uint argsz)
    {
        Map(Page, Page);
        Assert.That(
            Client.Try(RawCommand.DmaUnmap, RawPayload.DmaUnmap(address, size, flags, argsz)), Is.EqualTo(
                Errno.EINVAL));
        Assert.That(Memory.Count, Is.EqualTo(1));
    }

    [Test]
    public void UnmapAllTellsTheDeviceOfEachRange()
    {
        Map(0x10000, Page);
        Map(0x20000, Page);
        byte[] unmap = RawPayload.DmaUnmap(0, 0, RawPayload.UnmapAll);
        Assert.That(Client.Call(RawCommand.DmaUnmap, unmap).Payload, Is.EqualTo(unmap));
        Assert.That(Device.Calls.Count(call => call.StartsWith("unmapping", StringComparison.Ordinal)), Is.EqualTo(2));
        Assert.That(Memory.Count, Is.Zero);
    }

    [Test]
    public void RangesEndWithTheConnection()
    {
        using var memfd = Memfd.Create((long)Page);
        Map(0x10000, Page, memfd.Descriptor);
        Client.Dispose();
        Wait.Until(() => Memory.Count == 0, "the range is gone");
        Assert.That(Device.Calls, Has.Some.StartsWith("unmapping [0x10000"));
        Assert.That(Memory.Read(0x10000, new byte[1]), Is.EqualTo(Errno.EFAULT));
    }

    private Errno Map(
        ulong address,
        ulong size,
        FileDescriptor? descriptor = null,
        ulong offset = 0,
        uint flags = RawPayload.Readable | RawPayload.Writable) =>
        Client.Try(
            RawCommand.DmaMap,
            RawPayload.DmaMap(address, size, offset, flags),
            descriptor is null ? [] : [descriptor]);
}
