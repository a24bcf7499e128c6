namespace EpfTest.Protocol.Link.Messages;

/// <summary>What a BAR is like; the low bits of the register (PCI_BASE_ADDRESS_*).</summary>
[Flags]
internal enum BarFlags : uint
{
    /// <summary>32-bit memory.</summary>
    None = 0,
    /// <summary>I/O space.</summary>
    Io = 1 << 0,
    /// <summary>64-bit memory.</summary>
    Memory64 = 1 << 2,
    /// <summary>Prefetchable.</summary>
    Prefetchable = 1 << 3,
}
