namespace EpfTest.Protocol.Link.Messages;

/// <summary>A BAR in a <see cref="FunctionMessage"/>.</summary>
/// <param name="Size">Bytes; 0 where there is none, as above a 64-bit one.</param>
/// <param name="Address">Host bus address as programmed.</param>
/// <param name="Flags">What it is like.</param>
internal readonly record struct BarMessage(ulong Size, ulong Address, BarFlags Flags);
