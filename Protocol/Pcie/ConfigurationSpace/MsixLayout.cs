using System.Diagnostics.CodeAnalysis;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Number of MSI-X vectors, and place of their table and Pending Bit Array (PBA): section 7.7.2. BARs are 0 to 5,
/// offsets in bytes, multiples of 8.
/// </summary>
internal readonly record struct MsixLayout(int VectorCount, int TableBar, uint TableOffset, int PbaBar, uint PbaOffset)
{
    public const int MaxVectors = 2048;

    private const uint EntrySize = 16;

    private uint TableSize => (uint)VectorCount * EntrySize;

    // A bit for each vector, in whole quadwords.
    private uint PbaSize => ((uint)VectorCount + 63) / 64 * 8;

    /// <summary>Whether the capability can encode this.</summary>
    public bool TryCheck([NotNullWhen(false)] out string? reason)
    {
        reason = VectorCount is < 1 or > MaxVectors ? $"MSI-X has 1 to {MaxVectors} vectors, not {VectorCount}"
            : CheckPlace("table", TableBar, TableOffset) ?? CheckPlace("PBA", PbaBar, PbaOffset);
        return reason is null;
    }

    /// <summary>
    /// Whether table and PBA are inside memory BARs and apart. Otherwise a host may give up on the function, or QEMU on
    /// realizing it; so check before the link comes up, when all BARs are set.
    /// </summary>
    public bool TryCheckFit(IReadOnlyList<BarSpec?> bars, [NotNullWhen(false)] out string? reason)
    {
        bool overlap = TableBar == PbaBar
            && TableOffset < (ulong)PbaOffset + PbaSize && PbaOffset < (ulong)TableOffset + TableSize;
        reason = CheckInside(bars[TableBar], "table", TableBar, TableOffset, TableSize)
            ?? CheckInside(bars[PbaBar], "PBA", PbaBar, PbaOffset, PbaSize)
            ?? (overlap ? $"the MSI-X table and PBA overlap in BAR{TableBar}" : null);
        return reason is null;
    }

    private static string? CheckPlace(string what, int bar, uint offset) =>
        bar is < 0 or >= PciRegister.BaseAddressCount ? $"the MSI-X {what} cannot be in BAR{bar}: there is BAR0 to BAR5"
        : offset % 8 != 0 ? $"MSI-X {what} offset 0x{offset:x} is not a multiple of 8"
        : null;

    private static string? CheckInside(BarSpec? spec, string what, int bar, uint offset, uint size)
    {
        if (spec is not { Kind: not BarKind.Io } memory)
        {
            return $"the MSI-X {what} is in BAR{bar}, which is no memory BAR";
        }
        return (ulong)offset + size <= memory.Size ? null
            : $"the MSI-X {what}, 0x{size:x} bytes at 0x{offset:x}, ends beyond BAR{bar} (0x{memory.Size:x} bytes)";
    }
}
