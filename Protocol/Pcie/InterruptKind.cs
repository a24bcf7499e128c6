namespace EpfTest.Protocol.Pcie;

/// <summary>How a function interrupts the host by a message.</summary>
internal enum InterruptKind
{
    /// <summary>MSI.</summary>
    Msi,

    /// <summary>MSI-X.</summary>
    Msix,
}
