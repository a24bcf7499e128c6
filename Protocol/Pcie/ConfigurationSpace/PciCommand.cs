namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Bits of Command that a PCI Express function has; all others are hardwired to 0 (section 7.5.1.1.3).
/// </summary>
[Flags]
internal enum PciCommand : ushort
{
    None = 0,
    IoSpaceEnable = 1 << 0,
    MemorySpaceEnable = 1 << 1,

    /// <summary>The function may issue memory and I/O requests, MSI and MSI-X among them.</summary>
    BusMasterEnable = 1 << 2,

    /// <summary>Poisoned TLPs set <see cref="PciStatus.MasterDataParityError"/>.</summary>
    ParityErrorResponse = 1 << 6,

    /// <summary>Non-fatal and fatal errors are reported, whatever Device Control says.</summary>
    SerrEnable = 1 << 8,

    /// <summary>The function may not assert INTx.</summary>
    InterruptDisable = 1 << 10,
}
