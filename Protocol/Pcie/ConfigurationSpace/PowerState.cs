namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>Power state of a function, as PMCSR encodes it (sections 5.3.1 and 7.5.2.2).</summary>
internal enum PowerState
{
    D0,
    D1,
    D2,

    /// <summary>Off, power still applied: the function answers configuration requests only.</summary>
    D3Hot,
}
