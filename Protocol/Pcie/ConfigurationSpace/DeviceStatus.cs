namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Error bits of Device Status (section 7.5.3.5): set when an error is detected, reported or not; the host clears them
/// by writing 1.
/// </summary>
[Flags]
internal enum DeviceStatus : ushort
{
    None = 0,
    CorrectableErrorDetected = 1 << 0,
    NonFatalErrorDetected = 1 << 1,
    FatalErrorDetected = 1 << 2,
    UnsupportedRequestDetected = 1 << 3,
    Errors = CorrectableErrorDetected | NonFatalErrorDetected | FatalErrorDetected | UnsupportedRequestDetected,
}
