namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>What a completion did to its request; PCI Express Base Specification 5.0, section 2.3.2.</summary>
internal enum CompletionResult
{
    /// <summary>
    /// Not a completion of this request, or of one already ended: an Unexpected Completion. Changes nothing.
    /// </summary>
    Unexpected,

    /// <summary>More completions are to come.</summary>
    InProgress,

    /// <summary>The request is complete.</summary>
    Done,

    /// <summary>Ended with UR, or with a reserved status, which counts as UR.</summary>
    UnsupportedRequest,

    /// <summary>Ended with CA.</summary>
    CompleterAbort,

    /// <summary>Ended with CRS: a configuration request to be tried again.</summary>
    RetryStatus,

    /// <summary>All completions came, but at least one was poisoned; its bytes are not in the destination.</summary>
    Poisoned,

    /// <summary>TC or Attr are not the request's.</summary>
    AttributesMismatch,

    /// <summary>Data for a request that returns none, or none for a read.</summary>
    KindMismatch,

    /// <summary>Byte Count is not what remains: a completion was lost, doubled or out of order.</summary>
    ByteCountMismatch,

    /// <summary>Lower Address is not where the data before ended.</summary>
    LowerAddressMismatch,

    /// <summary>The payload is not as long as its header says, or more than the destination holds.</summary>
    Overrun,
}
