namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Power states from which a function can send PME. D3cold is not among them, as the function has no auxiliary
/// power. PCI Express Base Specification 6.0, section 7.5.2.1.
/// </summary>
[Flags]
internal enum PmeSupport
{
    /// <summary>The function never sends PME.</summary>
    None = 0,

    /// <summary>From D0.</summary>
    D0 = 1 << 0,

    /// <summary>From D1.</summary>
    D1 = 1 << 1,

    /// <summary>From D2.</summary>
    D2 = 1 << 2,

    /// <summary>From D3hot.</summary>
    D3Hot = 1 << 3,
}
