namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// An uncorrectable error that this function can detect, by its bit in the AER registers. PCI Express Base
/// Specification 6.0, section 7.8.4.2; Linux' <c>PCI_ERR_UNC_*</c>.
/// </summary>
internal enum UncorrectableError
{
    /// <summary>Data Link Protocol Error.</summary>
    DataLinkProtocolError = 4,

    /// <summary>Poisoned TLP Received.</summary>
    PoisonedTlpReceived = 12,

    /// <summary>Flow Control Protocol Error.</summary>
    FlowControlProtocolError = 13,

    /// <summary>Completion Timeout.</summary>
    CompletionTimeout = 14,

    /// <summary>Completer Abort.</summary>
    CompleterAbort = 15,

    /// <summary>Unexpected Completion.</summary>
    UnexpectedCompletion = 16,

    /// <summary>Receiver Overflow.</summary>
    ReceiverOverflow = 17,

    /// <summary>Malformed TLP.</summary>
    MalformedTlp = 18,

    /// <summary>Unsupported Request.</summary>
    UnsupportedRequest = 20,

    /// <summary>Uncorrectable Internal Error.</summary>
    UncorrectableInternalError = 22,
}
