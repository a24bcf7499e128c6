namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// The address space of a BAR and how wide its address is. PCI Express Base Specification 6.0, section 7.5.1.2.1.
/// </summary>
internal enum BarKind
{
    /// <summary>Memory, anywhere below 4 GiB.</summary>
    Memory32,

    /// <summary>Memory, anywhere; takes the next BAR register for the upper half of its address.</summary>
    Memory64,

    /// <summary>I/O space.</summary>
    Io,
}
