namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>Address space and width of a BAR (section 7.5.1.2.1).</summary>
internal enum BarKind
{
    /// <summary>Memory below 4 GiB.</summary>
    Memory32,

    /// <summary>Memory at any address; the next BAR register holds the upper half of the address.</summary>
    Memory64,

    Io,
}
