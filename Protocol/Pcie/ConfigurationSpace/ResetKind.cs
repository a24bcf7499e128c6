namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// A reset of a function; each keeps less than the one before (sections 6.6.1, 6.6.2 and 7.4). The link's messages have
/// the numbers.
/// </summary>
internal enum ResetKind
{
    /// <summary>FLR: keeps sticky bits and what belongs to the link rather than to the function.</summary>
    FunctionLevel,

    /// <summary>The conventional reset that comes in band (secondary bus reset): keeps sticky bits.</summary>
    Hot,

    /// <summary>The conventional reset by PERST# or power: keeps nothing, as there is no auxiliary power.</summary>
    Fundamental,
}
