namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// An uncorrectable error that a function of ours can detect, by its bit in the AER registers (section 7.8.4.2; Linux'
/// <c>PCI_ERR_UNC_*</c>).
/// </summary>
internal enum UncorrectableError
{
    DataLinkProtocolError = 4,
    PoisonedTlpReceived = 12,
    FlowControlProtocolError = 13,
    CompletionTimeout = 14,
    CompleterAbort = 15,
    UnexpectedCompletion = 16,
    ReceiverOverflow = 17,
    MalformedTlp = 18,
    UnsupportedRequest = 20,
    UncorrectableInternalError = 22,
}
