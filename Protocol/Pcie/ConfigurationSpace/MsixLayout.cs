namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// The number of MSI-X vectors, and where their table and Pending Bit Array (PBA) are. PCI Express Base Specification
/// 6.0, section 7.7.2.
/// </summary>
/// <param name="VectorCount">1 to 2048.</param>
/// <param name="TableBar">Table BIR: the BAR with the table, 0 to 5.</param>
/// <param name="TableOffset">Offset of the table in its BAR, in bytes: a multiple of 8.</param>
/// <param name="PbaBar">PBA BIR: the BAR with the PBA, 0 to 5.</param>
/// <param name="PbaOffset">Offset of the PBA in its BAR, in bytes: a multiple of 8.</param>
internal readonly record struct MsixLayout(int VectorCount, int TableBar, uint TableOffset, int PbaBar, uint PbaOffset)
{
    private const int MaxVectors = 2048;
    private const uint EntrySize = 16;

    /// <summary>Size of the table in bytes: 16 a vector.</summary>
    public uint TableSize => (uint)VectorCount * EntrySize;

    /// <summary>Size of the PBA in bytes: a bit a vector, in whole quadwords.</summary>
    public uint PbaSize => ((uint)VectorCount + 63) / 64 * 8;

    /// <summary>Checks that the capability can encode this.</summary>
    /// <exception cref="ArgumentException">It cannot; the message says why.</exception>
    public void Check()
    {
        if (VectorCount is < 1 or > MaxVectors)
        {
            throw new ArgumentException($"MSI-X has 1 to {MaxVectors} vectors, not {VectorCount}");
        }
        CheckPlace("table", TableBar, TableOffset);
        CheckPlace("PBA", PbaBar, PbaOffset);
    }

    /// <summary>
    /// Checks that table and PBA are inside memory BARs and apart. A host may give up on the function, or QEMU on
    /// realizing it, otherwise; so check before the link comes up, when all BARs are set.
    /// </summary>
    /// <param name="space">Has the BARs.</param>
    /// <exception cref="ArgumentException">They are not; the message says why.</exception>
    public void CheckFits(ConfigSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        CheckInside(space, "table", TableBar, TableOffset, TableSize);
        CheckInside(space, "PBA", PbaBar, PbaOffset, PbaSize);
        if (TableBar == PbaBar
            && TableOffset < (ulong)PbaOffset + PbaSize && PbaOffset < (ulong)TableOffset + TableSize)
        {
            throw new ArgumentException($"the MSI-X table and PBA overlap in BAR{TableBar}");
        }
    }

    private static void CheckPlace(string what, int bar, uint offset)
    {
        if (bar is < 0 or >= PciRegister.BaseAddressCount)
        {
            throw new ArgumentException($"the MSI-X {what} cannot be in BAR{bar}: there is BAR0 to BAR5");
        }
        if (offset % 8 != 0)
        {
            throw new ArgumentException($"MSI-X {what} offset 0x{offset:x} is not a multiple of 8");
        }
    }

    private static void CheckInside(ConfigSpace space, string what, int bar, uint offset, uint size)
    {
        if (space.GetBar(bar) is not { Kind: not BarKind.Io } spec)
        {
            throw new ArgumentException($"the MSI-X {what} is in BAR{bar}, which is no memory BAR");
        }
        if ((ulong)offset + size > spec.Size)
        {
            throw new ArgumentException(
                $"the MSI-X {what}, 0x{size:x} bytes at 0x{offset:x}, ends beyond BAR{bar} (0x{spec.Size:x} bytes)");
        }
    }
}
