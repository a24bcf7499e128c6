using System.Buffers.Binary;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <content>VFIO_USER_REGION_READ and VFIO_USER_REGION_WRITE.</content>
internal sealed partial class VfioUserConnection
{
    // offset (8), region (4), count (4)
    private const int RegionAccessHeader = 16;

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

    /// <summary>Decodes an access. False unless it lies inside a region of the device that allows it.</summary>
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
