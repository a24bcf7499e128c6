namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>The state of a request after a completion (section 2.3.2).</summary>
internal enum CompletionResult
{
    /// <summary>An Unexpected Completion: not of this request, or of one that has ended.</summary>
    Unexpected,

    InProgress,
    Done,

    /// <summary>UR, or a reserved status, which counts as UR.</summary>
    UnsupportedRequest,

    /// <summary>CA.</summary>
    CompleterAbort,

    /// <summary>CRS: repeat the configuration request.</summary>
    RetryStatus,

    /// <summary>All completions arrived, at least one of them poisoned.</summary>
    Poisoned,

    /// <summary>TC or Attr differ from the request's.</summary>
    AttributesMismatch,

    /// <summary>Data for a write, or none for a read.</summary>
    KindMismatch,

    /// <summary>Byte Count is not what remains: a completion was lost, duplicated or reordered.</summary>
    ByteCountMismatch,

    /// <summary>Lower Address is not where the data before ended.</summary>
    LowerAddressMismatch,

    /// <summary>The payload has another length than its header says, or more than the request asked for.</summary>
    Overrun,
}
