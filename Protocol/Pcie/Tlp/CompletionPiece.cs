namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>One completion's share of a read.</summary>
/// <param name="Header">The CplD.</param>
/// <param name="Offset">Offset of its bytes in those of the read.</param>
/// <param name="Length">Bytes; 0 for a zero-length read, whose completion has a DW without meaning.</param>
internal readonly record struct CompletionPiece(TlpHeader Header, int Offset, int Length);
