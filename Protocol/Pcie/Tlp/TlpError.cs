namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// The rule that a received TLP broke, with its section; <see cref="TlpErrorExtensions.Describe"/> has it in words.
/// Each makes the TLP malformed, except for those that are not supported: these are valid, but not on this link.
/// </summary>
internal enum TlpError
{
    None,
    TruncatedHeader, // 2.2.1
    UndefinedFmtType, // 2.2.1
    PrefixUnsupported, // 2.2.10
    DigestUnsupported, // 2.2.3
    PayloadLengthMismatch, // 2.2.2
    PayloadExceedsMaxPayloadSize, // 2.2.2
    LastByteEnablesNotZero, // 2.2.5
    FirstByteEnablesZero, // 2.2.5
    LastByteEnablesZero, // 2.2.5
    ByteEnablesNotContiguous, // 2.2.5: gaps are allowed within 1 DW and an aligned QW
    Crosses4KiB, // 2.2.7

    // 2.2.4.1: requesters must use 3DW below 4 GiB. A receiver may do as it likes; refusing finds the wrong requester.
    AddressBelow4GiBIn4DwHeader,
    LengthNotOne, // 2.2.7
    TrafficClassNotZero, // 2.2.7, 2.2.8: I/O and configuration requests, and the messages that must use TC0
    AttributesNotZero, // 2.2.7
    AddressTypeNotZero, // 2.2.7
    AtomicOperandSize, // 2.2.7
    AtomicOperandNotAligned, // 2.2.7
    DataWithUnsuccessfulStatus, // 2.2.9
    CompletionExceedsByteCount, // 2.3.1.1
    CompletionNotAtReadCompletionBoundary, // 2.3.1.1: only the last may end elsewhere than at a multiple of 64
    MessageRoutingMismatch, // 2.2.8
    MessagePayloadMismatch, // 2.2.8
}
