using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>
/// An MSI or MSI-X on the link: a Vendor_Defined Type 1 message to the root complex. On a bus it is a memory write to
/// the address in the vector's table entry, but QEMU keeps the host's table to itself.
/// </summary>
internal static class InterruptMessage
{
    private const ushort VendorId = 0x1234;
    private const uint MsixBit = 1 << 16;

    /// <summary>The message for a vector, counted from 0.</summary>
    public static TlpHeader Create(Bdf requester, bool msix, int vector) => TlpHeader.VendorDefined(
        MessageCode.Vendor_Defined_Type_1,
        MessageRouting.ToRootComplex,
        default,
        VendorId,
        (msix ? MsixBit : 0) | (uint)vector,
        requester);

    /// <summary>Whether a message is one of these, and which.</summary>
    public static bool TryDecode(in TlpHeader header, out bool msix, out int vector)
    {
        uint data = header.IsMessage && header.MessageCode == MessageCode.Vendor_Defined_Type_1 ? header.VendorData : 0;
        msix = (data & MsixBit) != 0;
        vector = (int)(data & ~MsixBit);
        return header.IsMessage
            && header.MessageCode == MessageCode.Vendor_Defined_Type_1
            && header.VendorId == VendorId
            && data < 2 * MsixBit;
    }
}
