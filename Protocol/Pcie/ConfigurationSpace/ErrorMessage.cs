namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>The message that a detected error calls for (section 2.2.8.3).</summary>
internal enum ErrorMessage
{
    /// <summary>No message: the error is masked, or its reporting is not enabled.</summary>
    None,

    /// <summary>ERR_COR.</summary>
    Correctable,

    /// <summary>ERR_NONFATAL.</summary>
    NonFatal,

    /// <summary>ERR_FATAL.</summary>
    Fatal,
}
