namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// A capability above the first 256 bytes. Made by the <c>Add</c> methods of <see cref="ConfigSpace"/>, which link it
/// into the list. PCI Express Base Specification 6.0, section 7.6.3.
/// </summary>
internal abstract class ExtendedCapability
{
    private protected ExtendedCapability(ConfigSpace space, ushort id, int version, int length)
    {
        Space = space;
        Id = id;
        Offset = space.PlaceExtendedCapability(id, version, length);
    }

    /// <summary>PCI Express Extended Capability ID.</summary>
    public ushort Id { get; }

    /// <summary>Offset of the capability in bytes.</summary>
    public int Offset { get; }

    private protected ConfigSpace Space { get; }

    private protected RegisterFile Registers => Space.Registers;
}
