using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>What a client is told of one region (<c>struct vfio_region_info</c>).</summary>
/// <param name="Size">Bytes; 0 where the region is not there.</param>
/// <param name="Flags">What can be done with it; of these <see cref="RegionFlags.Mmap"/> and
/// <see cref="RegionFlags.Capabilities"/> follow from <paramref name="MmapAreas"/>.</param>
/// <param name="File">What holds the parts that can be mapped.</param>
/// <param name="FileOffset">Where in <paramref name="File"/> the region starts, in bytes.</param>
/// <param name="MmapAreas">The parts that can be mapped.</param>
/// <param name="IoEventFds">The parts whose writes can become signals.</param>
internal sealed record DeviceRegion(
    ulong Size,
    RegionFlags Flags = RegionFlags.Read | RegionFlags.Write,
    FileDescriptor? File = null,
    ulong FileOffset = 0,
    IReadOnlyList<MmapArea>? MmapAreas = null,
    IReadOnlyList<IoEventFd>? IoEventFds = null)
{
    /// <summary>A region that the device does not have.</summary>
    public static readonly DeviceRegion Absent = new(0, RegionFlags.None);

    /// <summary>The parts that can be mapped, none as an empty list.</summary>
    public IReadOnlyList<MmapArea> MmapAreas { get; } = MmapAreas ?? [];

    /// <summary>The parts whose writes can become signals, none as an empty list.</summary>
    public IReadOnlyList<IoEventFd> IoEventFds { get; } = IoEventFds ?? [];
}
