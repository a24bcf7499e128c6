namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// How a message finds its receiver, r[2:0] of Type; PCI Express Base Specification 5.0, section 2.2.8.
/// </summary>
internal enum MessageRouting
{
    /// <summary>To the root complex.</summary>
    ToRootComplex = 0b000,

    /// <summary>By the address in header bytes 8 to 15.</summary>
    ByAddress = 0b001,

    /// <summary>By the BDF in header bytes 8 and 9.</summary>
    ById = 0b010,

    /// <summary>From the root complex to all.</summary>
    BroadcastFromRootComplex = 0b011,

    /// <summary>Ends at the receiver of this link.</summary>
    Local = 0b100,

    /// <summary>Gathered by switches and routed to the root complex.</summary>
    Gathered = 0b101,

    /// <summary>A reserved value, which ends at the receiver.</summary>
    Reserved6 = 0b110,

    /// <summary>A reserved value, which ends at the receiver.</summary>
    Reserved7 = 0b111,
}
