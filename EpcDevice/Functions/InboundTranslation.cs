namespace EpfTest.EpcDevice.Functions;

/// <summary>Where a part of a BAR leads.</summary>
/// <param name="Offset">Bytes from the start of the BAR.</param>
/// <param name="Size">Bytes; at least 1.</param>
/// <param name="Target">Bus address of the EP guest.</param>
internal readonly record struct InboundTranslation(ulong Offset, ulong Size, ulong Target);
