namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Power state of a function, as PMCSR encodes it. PCI Express Base Specification 6.0, sections 5.3.1 and 7.5.2.2.
/// </summary>
internal enum PowerState
{
    /// <summary>Working.</summary>
    D0 = 0,

    /// <summary>Light sleep; optional.</summary>
    D1 = 1,

    /// <summary>Deeper sleep; optional.</summary>
    D2 = 2,

    /// <summary>Off, power still applied: only configuration requests are answered.</summary>
    D3Hot = 3,
}
