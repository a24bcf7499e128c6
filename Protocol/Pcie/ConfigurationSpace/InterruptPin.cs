namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// The INTx message that a function uses, as the Interrupt Pin register encodes it. PCI Express Base Specification
/// 6.0, section 7.5.1.1.13.
/// </summary>
internal enum InterruptPin : byte
{
    /// <summary>The function does not use INTx.</summary>
    None = 0,

    /// <summary>INTA.</summary>
    IntA = 1,

    /// <summary>INTB.</summary>
    IntB = 2,

    /// <summary>INTC.</summary>
    IntC = 3,

    /// <summary>INTD.</summary>
    IntD = 4,
}
