namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>A function's part of the type 0 header: the fields of Linux' <c>struct pci_epf_header</c>.</summary>
internal sealed record ConfigSpaceHeader
{
    public required ushort VendorId { get; init; }

    public required ushort DeviceId { get; init; }

    public byte RevisionId { get; init; }

    public byte BaseClass { get; init; }

    public byte SubClass { get; init; }

    public byte ProgrammingInterface { get; init; }

    /// <summary>Cache Line Size (DW) out of reset. The host can write it; it has no effect.</summary>
    public byte CacheLineSize { get; init; }

    public ushort SubsystemVendorId { get; init; }

    public ushort SubsystemId { get; init; }

    public InterruptPin InterruptPin { get; init; }

    /// <summary>Header Type's Multi-Function Device bit: there are functions other than function 0.</summary>
    public bool MultiFunction { get; init; }
}
