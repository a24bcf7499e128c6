namespace EpfTest.EpcDevice.Functions;

/// <summary>An inbound translation: a part of a BAR, in bytes, and the EP-local address that it leads to.</summary>
internal readonly record struct InboundTranslation(ulong Offset, ulong Size, ulong Target);
