namespace EpfTest.Protocol.VfioUser;

/// <summary>The regions of a PCI device (<c>VFIO_PCI_*_REGION_INDEX</c> of Linux
/// <c>include/uapi/linux/vfio.h</c>).</summary>
internal static class RegionIndex
{
    /// <summary>The first of the six BARs.</summary>
    public const int Bar0 = 0;

    /// <summary>The last BAR.</summary>
    public const int Bar5 = 5;

    /// <summary>The expansion ROM.</summary>
    public const int Rom = 6;

    /// <summary>The configuration space.</summary>
    public const int Config = 7;

    /// <summary>Legacy VGA.</summary>
    public const int Vga = 8;

    /// <summary>The number of regions.</summary>
    public const int Count = 9;
}
