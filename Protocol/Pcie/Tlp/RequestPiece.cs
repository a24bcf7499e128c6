namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>One request's share of a transfer.</summary>
/// <param name="Address">Host bus address of its first byte.</param>
/// <param name="Offset">Offset of its bytes in those of the transfer.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct RequestPiece(ulong Address, long Offset, int Length);
