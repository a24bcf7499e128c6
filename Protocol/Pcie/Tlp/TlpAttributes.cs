namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>Attr[2:0] (section 2.2.6.3).</summary>
[Flags]
internal enum TlpAttributes
{
    None = 0,

    /// <summary>Attr[0]: the host need not snoop its caches.</summary>
    NoSnoop = 1,

    RelaxedOrdering = 2,

    /// <summary>Attr[2]: ID-based ordering (IDO). Reserved in I/O and configuration requests.</summary>
    IdBasedOrdering = 4,
}
