namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>The INTx message of a function, as the Interrupt Pin register encodes it (section 7.5.1.1.13).</summary>
internal enum InterruptPin : byte
{
    None,
    IntA,
    IntB,
    IntC,
    IntD,
}
