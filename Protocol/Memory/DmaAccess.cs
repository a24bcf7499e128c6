namespace EpfTest.Protocol.Memory;

/// <summary>The accesses that a range of memory allows; the bits of VFIO_USER_DMA_MAP's flags.</summary>
[Flags]
internal enum DmaAccess
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>The device may read.</summary>
    Read = 1 << 0,
    /// <summary>The device may write.</summary>
    Write = 1 << 1,
}
