namespace EpfTest.Protocol.Link;

/// <summary>What a side offers in its hello; both use what both offer.</summary>
[Flags]
internal enum LinkCapabilities : uint
{
    /// <summary>TLPs only.</summary>
    None = 0,
    /// <summary>The direct path: memory is passed as descriptors, and translations are invalidated with acknowledge.</summary>
    Direct = 1 << 0,
    /// <summary>With <see cref="Direct"/>: the host's QEMU may map BARs, whose translations then cannot change.</summary>
    MapBars = 1 << 1,
    /// <summary>With <see cref="Direct"/>: the host's eventfds are passed, and taken back with acknowledge.</summary>
    Interrupts = 1 << 2,
}
