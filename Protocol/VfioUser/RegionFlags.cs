namespace EpfTest.Protocol.VfioUser;

/// <summary><c>VFIO_REGION_INFO_FLAG_*</c> of Linux <c>include/uapi/linux/vfio.h</c>.</summary>
[Flags]
internal enum RegionFlags
{
    /// <summary>The device does not have the region.</summary>
    None = 0,
    /// <summary>It can be read.</summary>
    Read = 1 << 0,
    /// <summary>It can be written.</summary>
    Write = 1 << 1,
    /// <summary>Parts of the descriptor that comes with it can be mapped.</summary>
    Mmap = 1 << 2,
    /// <summary>Capabilities follow the region information.</summary>
    Capabilities = 1 << 3,
}
