namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// What reset a function goes through; each keeps less than the one before. PCI Express Base Specification 6.0,
/// sections 6.6.1, 6.6.2 and 7.4 (sticky registers).
/// </summary>
internal enum ResetKind
{
    /// <summary>FLR: keeps sticky bits and what belongs to the link rather than to the function.</summary>
    FunctionLevel,

    /// <summary>The conventional reset that comes in band (secondary bus reset): keeps sticky bits.</summary>
    Hot,

    /// <summary>
    /// The conventional reset that arrives as PERST# or with power: keeps nothing, as the function has no auxiliary
    /// power to keep it with.
    /// </summary>
    Fundamental,
}
