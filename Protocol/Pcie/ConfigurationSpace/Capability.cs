namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>A capability that <see cref="ConfigSpace"/> has linked into its list in the first 256 bytes.</summary>
internal abstract class Capability
{
    private protected Capability(ConfigSpace space, byte id, int length)
    {
        Registers = space.Registers;
        Offset = space.PlaceCapability(id, length);
    }

    /// <summary>Offset of the capability in bytes.</summary>
    public int Offset { get; }

    private protected RegisterFile Registers { get; }
}
