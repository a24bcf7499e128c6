namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Completion Status (section 2.2.9). A requester treats the reserved values (3, 5, 6, 7) as
/// <see cref="UnsupportedRequest"/> (section 2.3.2).
/// </summary>
internal enum CompletionStatus
{
    /// <summary>SC.</summary>
    SuccessfulCompletion = 0b000,

    /// <summary>UR: the completer does not support the request, or nothing claims its address.</summary>
    UnsupportedRequest = 0b001,

    /// <summary>CRS: ask again later (configuration requests only).</summary>
    ConfigurationRequestRetryStatus = 0b010,

    /// <summary>CA: the completer claimed the request and failed.</summary>
    CompleterAbort = 0b100,
}
