namespace EpfTest.EpfBridge;

/// <summary>The list of capabilities in a configuration space (PCI Local Bus 3.0, section 6.7).</summary>
internal static class CapabilityList
{
    /// <summary>The ID of MSI-X.</summary>
    public const byte Msix = 0x11;

    private const int Pointer = 0x34;
    private const int FirstCapability = 0x40;
    private const int PciConfigSize = 256;

    /// <summary>Takes the first capability of an ID out of the list, where there is one.</summary>
    /// <param name="config">At least the 256 bytes of PCI's configuration space.</param>
    /// <param name="id">Its ID.</param>
    public static void Unlink(Span<byte> config, byte id)
    {
        int link = Pointer;

        // No more of them fit, whatever the list says.
        for (int seen = 0; seen < (PciConfigSize - FirstCapability) / sizeof(uint); seen++)
        {
            int capability = config[link] & ~3;
            if (capability < FirstCapability)
            {
                return;
            }

            if (config[capability] == id)
            {
                config[link] = config[capability + 1];
                return;
            }

            link = capability + 1;
        }
    }
}
