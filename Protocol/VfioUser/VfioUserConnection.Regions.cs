using System.Buffers.Binary;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <content>VFIO_USER_REGION_READ, VFIO_USER_REGION_WRITE and VFIO_USER_REGION_WRITE_MULTI.</content>
internal sealed partial class VfioUserConnection
{
    // offset (8), region (4), count (4)
    private const int RegionAccessHeader = 16;

    // wr_cnt (8), then for each write offset (8), region (4), count (4), data (8)
    private const int WriteMultiHeader = 8;
    private const int WriteMultiEntry = 24;
    private const int WriteMultiData = 8;

    private Errno ReadRegion(ReadOnlySpan<byte> payload, out int length)
    {
        length = 0;
        if (payload.Length < RegionAccessHeader
            || !TryReadAccess(payload, RegionFlags.Read, out ulong offset, out int region, out int count))
        {
            return Errno.EINVAL;
        }

        if (count == 0)
        {
            return Errno.None;
        }

        Span<byte> reply = ReplyPayload;
        Errno error = _device.ReadRegion(region, offset, reply.Slice(RegionAccessHeader, count));
        payload[..RegionAccessHeader].CopyTo(reply);
        length = RegionAccessHeader + count;
        return error;
    }

    private Errno WriteRegion(ReadOnlySpan<byte> payload, out int length)
    {
        length = 0;
        if (payload.Length < RegionAccessHeader
            || !TryReadAccess(payload, RegionFlags.Write, out ulong offset, out int region, out int count)
            || payload.Length - RegionAccessHeader != count)
        {
            return Errno.EINVAL;
        }

        if (count == 0)
        {
            return Errno.None;
        }

        Errno error = _device.WriteRegion(region, offset, payload[RegionAccessHeader..]);
        payload[..RegionAccessHeader].CopyTo(ReplyPayload);
        length = RegionAccessHeader;
        return error;
    }

    private Errno WriteRegions(ReadOnlySpan<byte> payload, out int length)
    {
        length = 0;
        if (payload.Length < WriteMultiHeader)
        {
            return Errno.EINVAL;
        }

        ulong writes = BinaryPrimitives.ReadUInt64LittleEndian(payload);
        ReadOnlySpan<byte> entries = payload[WriteMultiHeader..];
        if (writes != (ulong)entries.Length / WriteMultiEntry || entries.Length % WriteMultiEntry != 0)
        {
            return Errno.EINVAL;
        }

        for (; !entries.IsEmpty; entries = entries[WriteMultiEntry..])
        {
            if (!TryReadAccess(entries, RegionFlags.Write, out ulong offset, out int region, out int count)
                || count > WriteMultiData)
            {
                return Errno.EINVAL;
            }

            Errno error = count == 0
                ? Errno.None
                : _device.WriteRegion(region, offset, entries.Slice(RegionAccessHeader, count));
            if (error != Errno.None)
            {
                return error;
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(ReplyPayload, writes);
        length = WriteMultiHeader;
        return Errno.None;
    }

    /// <summary>Reads an access and checks that it lies inside a region that the device has, and that allows it.</summary>
    private bool TryReadAccess(
        ReadOnlySpan<byte> access, RegionFlags needed, out ulong offset, out int region, out int count)
    {
        offset = BinaryPrimitives.ReadUInt64LittleEndian(access);
        uint index = BinaryPrimitives.ReadUInt32LittleEndian(access[8..]);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(access[12..]);
        region = (int)index;
        count = (int)length;
        if (index >= (uint)_device.Regions.Count || length > VersionData.OurMaxDataTransferSize)
        {
            return false;
        }

        ulong size = _device.Regions[region].Size;
        return offset <= size
            && length <= size - offset
            && (length == 0 || (_device.Regions[region].Flags & needed) != 0);
    }
}
