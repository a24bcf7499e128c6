using System.Buffers.Binary;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// The two lists of capabilities in the bytes of a configuration space: sections 7.5.1.1.11 and 7.6.3. The bytes may be
/// anything: a list that loops is given up, and a pointer outside the list's part of the space ends it.
/// </summary>
internal static class CapabilityList
{
    /// <summary>Finds the first capability of an ID in at least the first 256 bytes of a space.</summary>
    /// <returns>Its offset; 0 if there is none.</returns>
    public static int Find(ReadOnlySpan<byte> space, byte id) => Pointed(space, FindPointer(space, id));

    /// <summary>Finds the first extended capability of an ID in all 4096 bytes of a space.</summary>
    /// <returns>Its offset; 0 if there is none.</returns>
    public static int FindExtended(ReadOnlySpan<byte> space, ushort id)
    {
        const int Most = (PciRegister.SpaceSize - PciRegister.FirstExtendedCapability) / sizeof(uint);
        int offset = PciRegister.FirstExtendedCapability;
        for (int seen = 0; seen < Most && offset >= PciRegister.FirstExtendedCapability; seen++)
        {
            uint header = BinaryPrimitives.ReadUInt32LittleEndian(space[offset..]);
            if ((ushort)header == id)
            {
                return offset;
            }
            offset = (int)(header >> 20) & ~3;
        }
        return 0;
    }

    /// <summary>Unlinks the first capability of an ID, if there is one, so that the host does not find it.</summary>
    public static void Unlink(Span<byte> space, byte id)
    {
        int pointer = FindPointer(space, id);
        if (Pointed(space, pointer) is not 0 and int capability)
        {
            space[pointer] = space[capability + 1];
        }
    }

    // The offset of the pointer to the capability, or of the one that ends the list.
    private static int FindPointer(ReadOnlySpan<byte> space, byte id)
    {
        const int Most = (PciRegister.FirstExtendedCapability - PciRegister.FirstCapability) / sizeof(uint);
        int pointer = PciRegister.CapabilitiesPointer;
        for (int seen = 0; seen < Most; seen++)
        {
            int capability = Pointed(space, pointer);
            if (capability == 0 || space[capability] == id)
            {
                return pointer;
            }
            pointer = capability + 1;
        }
        return -1;
    }

    private static int Pointed(ReadOnlySpan<byte> space, int pointer)
    {
        int offset = pointer < 0 ? 0 : space[pointer] & ~3;
        return offset < PciRegister.FirstCapability ? 0 : offset;
    }
}
