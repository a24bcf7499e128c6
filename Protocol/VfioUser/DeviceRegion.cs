using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>One region of a device (<c>struct vfio_region_info</c>).</summary>
/// <param name="Size">Bytes; 0 if the device does not have it.</param>
/// <param name="Flags">The accesses that it allows; <see cref="RegionFlags.Mmap"/> and
/// <see cref="RegionFlags.Capabilities"/> follow from <paramref name="MmapAreas"/>.</param>
/// <param name="File">Holds the parts that can be mapped.</param>
/// <param name="FileOffset">Where the region starts in <paramref name="File"/>, in bytes.</param>
/// <param name="MmapAreas">The parts that can be mapped.</param>
internal sealed record DeviceRegion(
    ulong Size,
    RegionFlags Flags = RegionFlags.Read | RegionFlags.Write,
    FileDescriptor? File = null,
    ulong FileOffset = 0,
    IReadOnlyList<MmapArea>? MmapAreas = null)
{
    /// <summary>A region that the device does not have.</summary>
    public static readonly DeviceRegion Absent = new(0, RegionFlags.None);

    public IReadOnlyList<MmapArea> MmapAreas { get; } = MmapAreas ?? [];
}
