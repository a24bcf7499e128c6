namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>Bits of the Device Status register. PCI Express Base Specification 6.0, section 7.5.3.5.</summary>
[Flags]
internal enum DeviceStatus : ushort
{
    /// <summary>Every bit clear.</summary>
    None = 0,

    /// <summary>A correctable error was detected, reported or not.</summary>
    CorrectableErrorDetected = 1 << 0,

    /// <summary>A non-fatal error was detected, reported or not.</summary>
    NonFatalErrorDetected = 1 << 1,

    /// <summary>A fatal error was detected, reported or not.</summary>
    FatalErrorDetected = 1 << 2,

    /// <summary>The function received a request that it does not support.</summary>
    UnsupportedRequestDetected = 1 << 3,

    /// <summary>Non-posted requests of the function are not completed yet (read-only).</summary>
    TransactionsPending = 1 << 5,

    /// <summary>The bits that the host clears by writing 1.</summary>
    Errors = CorrectableErrorDetected | NonFatalErrorDetected | FatalErrorDetected | UnsupportedRequestDetected,
}
