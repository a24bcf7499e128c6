namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// A correctable error that this function can detect, by its bit in the AER registers. PCI Express Base Specification
/// 6.0, section 7.8.4.5; Linux' <c>PCI_ERR_COR_*</c>.
/// </summary>
internal enum CorrectableError
{
    /// <summary>Receiver Error.</summary>
    ReceiverError = 0,

    /// <summary>Bad TLP.</summary>
    BadTlp = 6,

    /// <summary>Bad DLLP.</summary>
    BadDllp = 7,

    /// <summary>REPLAY_NUM Rollover.</summary>
    ReplayNumRollover = 8,

    /// <summary>Replay Timer Timeout.</summary>
    ReplayTimerTimeout = 12,

    /// <summary>Advisory Non-Fatal Error.</summary>
    AdvisoryNonFatalError = 13,

    /// <summary>Corrected Internal Error.</summary>
    CorrectedInternalError = 14,
}
