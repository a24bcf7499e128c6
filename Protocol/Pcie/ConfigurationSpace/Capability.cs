namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// A capability in the first 256 bytes. Made by the <c>Add</c> methods of <see cref="ConfigSpace"/>, which link it into
/// the list. PCI Express Base Specification 6.0, section 7.5.1.1.11.
/// </summary>
internal abstract class Capability
{
    private protected Capability(ConfigSpace space, byte id, int length)
    {
        Space = space;
        Id = id;
        Offset = space.PlaceCapability(id, length);
    }

    /// <summary>Capability ID.</summary>
    public byte Id { get; }

    /// <summary>Offset of the capability in bytes.</summary>
    public int Offset { get; }

    private protected ConfigSpace Space { get; }

    private protected RegisterFile Registers => Space.Registers;
}
