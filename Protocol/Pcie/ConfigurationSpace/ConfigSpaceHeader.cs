namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// What the type 0 header says about the function; the fields of Linux' <c>struct pci_epf_header</c>. PCI Express Base
/// Specification 6.0, sections 7.5.1.1 and 7.5.1.2.
/// </summary>
internal sealed record ConfigSpaceHeader
{
    /// <summary>Vendor ID.</summary>
    public required ushort VendorId { get; init; }

    /// <summary>Device ID.</summary>
    public required ushort DeviceId { get; init; }

    /// <summary>Revision ID.</summary>
    public byte RevisionId { get; init; }

    /// <summary>Class Code: base class, as 01h for mass storage.</summary>
    public byte BaseClass { get; init; }

    /// <summary>Class Code: sub-class.</summary>
    public byte SubClass { get; init; }

    /// <summary>Class Code: programming interface.</summary>
    public byte ProgrammingInterface { get; init; }

    /// <summary>Cache Line Size (DW) out of reset; the host can write it, and nothing depends on it.</summary>
    public byte CacheLineSize { get; init; }

    /// <summary>Subsystem Vendor ID.</summary>
    public ushort SubsystemVendorId { get; init; }

    /// <summary>Subsystem ID.</summary>
    public ushort SubsystemId { get; init; }

    /// <summary>Interrupt Pin.</summary>
    public InterruptPin InterruptPin { get; init; }

    /// <summary>Header Type's Multi-Function Device bit: there are functions other than function 0.</summary>
    public bool MultiFunction { get; init; }
}
