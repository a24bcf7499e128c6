namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>One request's share of a transfer.</summary>
/// <param name="Address">Host bus address of its first byte.</param>
/// <param name="Offset">Where its bytes are in those of the transfer.</param>
/// <param name="Length">How many they are.</param>
internal readonly record struct RequestPiece(ulong Address, long Offset, int Length);
