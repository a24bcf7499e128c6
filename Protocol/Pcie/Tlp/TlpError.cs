namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// The rule that a received TLP broke. Sections are of PCI Express Base Specification 5.0; each rule makes the TLP
/// malformed there, unless said otherwise.
/// </summary>
internal enum TlpError
{
    /// <summary>No rule broken.</summary>
    None,

    /// <summary>Fewer bytes than the header that Fmt announces (2.2.1).</summary>
    TruncatedHeader,

    /// <summary>Fmt and Type that no TLP has (2.2.1).</summary>
    UndefinedFmtType,

    /// <summary>A TLP prefix (2.2.10). Valid PCIe, but no capability that needs one is offered on this link.</summary>
    PrefixUnsupported,

    /// <summary>TD set: an ECRC digest follows (2.2.3). Valid PCIe, but the link has no ECRC.</summary>
    DigestUnsupported,

    /// <summary>The bytes after the header are not as many as Length says (2.2.2).</summary>
    PayloadLengthMismatch,

    /// <summary>More payload than Max_Payload_Size (2.2.2).</summary>
    PayloadExceedsMaxPayloadSize,

    /// <summary>Length is 1 DW and Last DW Byte Enables are not 0 (2.2.5).</summary>
    LastByteEnablesNotZero,

    /// <summary>Length is more than 1 DW and First DW Byte Enables are 0 (2.2.5).</summary>
    FirstByteEnablesZero,

    /// <summary>Length is more than 1 DW and Last DW Byte Enables are 0 (2.2.5).</summary>
    LastByteEnablesZero,

    /// <summary>Gaps between enabled bytes in other than 1 DW or an aligned QW (2.2.5).</summary>
    ByteEnablesNotContiguous,

    /// <summary>A memory request crosses a 4 KiB boundary (2.2.7).</summary>
    Crosses4KiB,

    /// <summary>
    /// A 4DW header with an address below 4 GiB (2.2.4.1). Requesters must use 3DW there; what a receiver does is not
    /// specified, and this one refuses, so that a wrong requester is found.
    /// </summary>
    AddressBelow4GiBIn4DwHeader,

    /// <summary>Length of an I/O or configuration request is not 1 DW (2.2.7).</summary>
    LengthNotOne,

    /// <summary>
    /// TC is not 0 in an I/O or configuration request (2.2.7) or in a message that must use TC0 (2.2.8).
    /// </summary>
    TrafficClassNotZero,

    /// <summary>Attr[1:0] of an I/O or configuration request is not 0 (2.2.7).</summary>
    AttributesNotZero,

    /// <summary>AT of an I/O or configuration request is not 0 (2.2.7).</summary>
    AddressTypeNotZero,

    /// <summary>Length of an AtomicOp is none of its operand sizes (2.2.7).</summary>
    AtomicOperandSize,

    /// <summary>Address of an AtomicOp is not aligned to its operand (2.2.7).</summary>
    AtomicOperandNotAligned,

    /// <summary>A completion carries data although its status is not SC (2.2.9).</summary>
    DataWithUnsuccessfulStatus,

    /// <summary>A completion carries more DW than its Byte Count leaves (2.3.1.1).</summary>
    CompletionExceedsByteCount,

    /// <summary>A completion that is not the last ends elsewhere than at a multiple of 64 bytes (2.3.1.1).</summary>
    CompletionNotAtReadCompletionBoundary,

    /// <summary>A message with another routing than its code has (2.2.8).</summary>
    MessageRoutingMismatch,

    /// <summary>
    /// A message with data where its code has none, without where it has, or of another length (2.2.8).
    /// </summary>
    MessagePayloadMismatch,
}
