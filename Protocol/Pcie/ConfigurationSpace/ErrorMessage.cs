namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// The message that a detected error calls for. PCI Express Base Specification 6.0, section 2.2.8.3.
/// </summary>
internal enum ErrorMessage
{
    /// <summary>None: the error is masked, or its reporting not enabled.</summary>
    None,

    /// <summary>ERR_COR.</summary>
    Correctable,

    /// <summary>ERR_NONFATAL.</summary>
    NonFatal,

    /// <summary>ERR_FATAL.</summary>
    Fatal,
}
