using EpfTest.EpcDevice.Functions;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>Where a part of an outbound window leads.</summary>
/// <param name="Offset">Window offset of its first byte.</param>
/// <param name="Size">Bytes; at least 1.</param>
/// <param name="Address">Host bus address.</param>
/// <param name="Function">The function whose requests go there.</param>
internal readonly record struct OutboundTranslation(
    ulong Offset, ulong Size, ulong Address, FunctionRequester Function)
{
    public bool Overlaps(in OutboundTranslation other) =>
        Offset - other.Offset < other.Size || other.Offset - Offset < Size;
}
