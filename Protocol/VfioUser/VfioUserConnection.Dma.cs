using System.Buffers.Binary;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VfioUser;

/// <content>VFIO_USER_DMA_MAP and VFIO_USER_DMA_UNMAP.</content>
internal sealed partial class VfioUserConnection
{
    // argsz (4), flags (4), offset (8), address (8), size (8)
    private const int DmaMapSize = 32;

    // argsz (4), flags (4), address (8), size (8)
    private const int DmaUnmapSize = 24;

    [Flags]
    private enum DmaMapFlags : uint
    {
        Access = DmaAccess.Read | DmaAccess.Write,

        // Extensions of the reference server (libvfio-user include/vfio-user.h): how to use the descriptor.
        Mmap = 1 << 2,
        FileIo = 1 << 3,
        All = Access | Mmap | FileIo,
    }

    [Flags]
    private enum DmaUnmapFlags : uint
    {
        None = 0,
        All = 1 << 1,
    }

    private Errno MapDma(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < DmaMapSize || BinaryPrimitives.ReadUInt32LittleEndian(payload) < DmaMapSize)
        {
            return Errno.EINVAL;
        }

        var flags = (DmaMapFlags)BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]);
        bool needsDescriptor = (flags & (DmaMapFlags.Mmap | DmaMapFlags.FileIo)) != 0;
        if ((flags & ~DmaMapFlags.All) != 0 || (needsDescriptor && _receiver.Descriptors.IsEmpty))
        {
            return Errno.EINVAL;
        }

        Errno error = _memory.Map(
            BinaryPrimitives.ReadUInt64LittleEndian(payload[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(payload[24..]),
            (DmaAccess)(flags & DmaMapFlags.Access),
            _receiver.Descriptors.IsEmpty ? null : _receiver.TakeDescriptor(0),
            BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]),
            mayMap: !flags.HasFlag(DmaMapFlags.FileIo),
            out DmaRange range);
        if (error != Errno.None)
        {
            return error;
        }

        _logger.LogDebug("DMA range {Range} mapped", range);
        if (range.Backing == DmaBacking.SystemCalls && !flags.HasFlag(DmaMapFlags.FileIo) && !_warnedOfSystemCalls)
        {
            _warnedOfSystemCalls = true;
            (string reason, string remedy) = range.File switch
            {
                { Identity.CannotShrink: true } => (
                    "its huge pages cannot be reserved",
                    "raise /proc/sys/vm/nr_hugepages"),
                { IsHuge: true } => (
                    "its file could shrink",
                    "give QEMU -object memory-backend-memfd,share=on,hugetlb=on, whose file is sealed"),
                _ => (
                    "its file could shrink",
                    "give QEMU -object memory-backend-memfd,share=on, whose file is sealed"),
            };
            _logger.LogWarning(
                "guest memory {Range} is reached by system calls, which are slower, because {Reason}; {Remedy}",
                range,
                reason,
                remedy);
        }

        _device.DmaMapped(range);
        return Errno.None;
    }

    private Errno UnmapDma(ReadOnlySpan<byte> payload, out int length)
    {
        length = 0;
        if (payload.Length < DmaUnmapSize
            || BinaryPrimitives.ReadUInt32LittleEndian(payload)
                is < DmaUnmapSize or > VersionData.OurMaxDataTransferSize)
        {
            return Errno.EINVAL;
        }

        var flags = (DmaUnmapFlags)BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]);
        ulong address = BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]);
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(payload[16..]);
        bool isAll = flags == DmaUnmapFlags.All && address == 0 && size == 0;
        ulong last = isAll ? ulong.MaxValue : address + (size - 1);
        if ((!isAll && (flags != DmaUnmapFlags.None || size == 0 || last < address))
            || !_memory.Ranges.TryFindInside(address, last, out DmaRange[] ranges))
        {
            return Errno.EINVAL;
        }

        // The specification asks for exactly one range. QEMU expects what the kernel does (vfio_dma_do_unmap() of
        // drivers/vfio/vfio_iommu_type1.c): with an IOMMU in the guest it unmaps large parts of the address space, with
        // many ranges or none in them. Only a range that would be cut in two is an error.
        if (ranges.Length > 0)
        {
            _device.DmaUnmapping(ranges);
            _memory.Unmap(ranges);
        }

        payload[..DmaUnmapSize].CopyTo(ReplyPayload);
        length = DmaUnmapSize;
        return Errno.None;
    }
}
