using System.Buffers.Binary;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <content>VFIO_USER_DEVICE_GET_INFO, _GET_REGION_INFO and _GET_IRQ_INFO.</content>
internal sealed partial class VfioUserConnection
{
    // argsz (4), flags (4), num_regions (4), num_irqs (4)
    private const int DeviceInfoSize = 16;
    private const uint DeviceFlagsReset = 1 << 0;
    private const uint DeviceFlagsPci = 1 << 1;

    // argsz (4), flags (4), index (4), cap_offset (4), size (8), offset (8)
    private const int RegionInfoSize = 32;

    // struct vfio_region_info_cap_sparse_mmap: id (2), version (2), next (4), nr_areas (4), reserved (4), areas
    private const int SparseMmapHeader = 16;
    private const int SparseMmapArea = 16;
    private const ushort SparseMmapId = 1;
    private const ushort SparseMmapVersion = 1;

    // argsz (4), flags (4), index (4), count (4)
    private const int IrqInfoSize = 16;

    private Errno GetDeviceInfo(ReadOnlySpan<byte> payload, out int length)
    {
        length = 0;
        if (payload.Length < DeviceInfoSize || BinaryPrimitives.ReadUInt32LittleEndian(payload) < DeviceInfoSize)
        {
            return Errno.EINVAL;
        }

        Span<byte> reply = ReplyPayload;
        BinaryPrimitives.WriteUInt32LittleEndian(reply, DeviceInfoSize);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[4..], DeviceFlagsReset | DeviceFlagsPci);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[8..], (uint)_device.Regions.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[12..], (uint)_device.IrqCounts.Count);
        length = DeviceInfoSize;
        return Errno.None;
    }

    private Errno GetRegionInfo(ReadOnlySpan<byte> payload, out int length, out int descriptor)
    {
        length = 0;
        descriptor = NoDescriptor;
        if (payload.Length < RegionInfoSize)
        {
            return Errno.EINVAL;
        }

        uint room = BinaryPrimitives.ReadUInt32LittleEndian(payload);
        uint index = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]);
        if (room < RegionInfoSize || index >= (uint)_device.Regions.Count)
        {
            return Errno.EINVAL;
        }

        DeviceRegion region = _device.Regions[(int)index];
        bool canMap = region.MmapAreas.Count > 0 && _version!.Value.MaxMessageDescriptors > 0;
        int needed = RegionInfoSize + (canMap ? SparseMmapHeader + (region.MmapAreas.Count * SparseMmapArea) : 0);
        bool fits = room >= needed;
        RegionFlags flags = region.Flags | (canMap ? RegionFlags.Mmap : 0);
        Span<byte> reply = ReplyPayload;
        reply[..needed].Clear();
        if (canMap && fits)
        {
            flags |= RegionFlags.Capabilities;
            BinaryPrimitives.WriteUInt32LittleEndian(reply[12..], RegionInfoSize);
            WriteSparseMmap(reply[RegionInfoSize..], region.MmapAreas);
            descriptor = region.File!.Number;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(reply, (uint)needed);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[4..], (uint)flags);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[8..], index);
        BinaryPrimitives.WriteUInt64LittleEndian(reply[16..], region.Size);
        BinaryPrimitives.WriteUInt64LittleEndian(reply[24..], region.FileOffset);
        length = fits ? needed : RegionInfoSize;
        return Errno.None;
    }

    private static void WriteSparseMmap(Span<byte> capability, IReadOnlyList<MmapArea> areas)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(capability, SparseMmapId);
        BinaryPrimitives.WriteUInt16LittleEndian(capability[2..], SparseMmapVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(capability[8..], (uint)areas.Count);
        Span<byte> place = capability[SparseMmapHeader..];
        foreach (MmapArea area in areas)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(place, area.Offset);
            BinaryPrimitives.WriteUInt64LittleEndian(place[8..], area.Size);
            place = place[SparseMmapArea..];
        }
    }

    private Errno GetIrqInfo(ReadOnlySpan<byte> payload, out int length)
    {
        length = 0;
        if (payload.Length < IrqInfoSize || BinaryPrimitives.ReadUInt32LittleEndian(payload) < IrqInfoSize)
        {
            return Errno.EINVAL;
        }

        uint index = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]);
        if (index >= (uint)_device.IrqCounts.Count)
        {
            return Errno.EINVAL;
        }

        // Never NORESIZE: QEMU adds vectors one by one, and would have to set up all of them again each time.
        IrqInfoFlags flags = (IrqIndex)index switch
        {
            IrqIndex.Intx => IrqInfoFlags.EventFd | IrqInfoFlags.Maskable | IrqInfoFlags.AutoMasked,
            IrqIndex.Msi or IrqIndex.Msix => IrqInfoFlags.EventFd | IrqInfoFlags.Maskable,
            _ => IrqInfoFlags.EventFd,
        };
        Span<byte> reply = ReplyPayload;
        BinaryPrimitives.WriteUInt32LittleEndian(reply, IrqInfoSize);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[4..], (uint)flags);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[8..], index);
        BinaryPrimitives.WriteUInt32LittleEndian(reply[12..], (uint)_device.IrqCounts[(int)index]);
        length = IrqInfoSize;
        return Errno.None;
    }
}
