namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>One completion's share of a read.</summary>
/// <param name="Header">The CplD.</param>
/// <param name="Offset">Where its bytes are in those of the read.</param>
/// <param name="Length">
/// How many they are; 0 for a zero-length read, whose completion carries a DW of no meaning.
/// </param>
internal readonly record struct CompletionPiece(TlpHeader Header, int Offset, int Length);
