namespace EpfTest.EpcDevice.Outbound;

/// <summary>Where a part of the window leads.</summary>
/// <param name="Offset">Bytes from the start of BAR2.</param>
/// <param name="Size">Bytes; at least 1.</param>
/// <param name="Address">Host bus address.</param>
/// <param name="Function">The function block whose requester ID is used.</param>
internal readonly record struct OutboundTranslation(ulong Offset, ulong Size, ulong Address, int Function);
