namespace EpfTest.Protocol.VfioUser;

/// <summary>A part of a region that a client may map (<c>struct vfio_region_sparse_mmap_area</c>).</summary>
/// <param name="Offset">Bytes from the start of the region.</param>
/// <param name="Size">Bytes.</param>
internal readonly record struct MmapArea(ulong Offset, ulong Size);
