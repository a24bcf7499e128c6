namespace EpfTest.Protocol.Link;

/// <summary>What a side offers in its HELLO; both use what both offer. All of them need descriptors.</summary>
[Flags]
internal enum LinkCapabilities : uint
{
    /// <summary>TLPs only.</summary>
    None = 0,
    /// <summary>The direct path: memory is passed as descriptors, and invalidation is acknowledged.</summary>
    Direct = 1 << 0,
    /// <summary>With <see cref="Direct"/>: the host's QEMU may map BARs, whose translations are then fixed.</summary>
    MapBars = 1 << 1,
    /// <summary>With <see cref="Direct"/>: the host's eventfds are passed; invalidation is acknowledged.</summary>
    Interrupts = 1 << 2,
}
