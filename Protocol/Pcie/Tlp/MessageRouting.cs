namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>Routing of a message, r[2:0] of Type (section 2.2.8).</summary>
internal enum MessageRouting
{
    ToRootComplex = 0b000,

    /// <summary>By the address in header bytes 8 to 15.</summary>
    ByAddress = 0b001,

    /// <summary>By the BDF in header bytes 8 and 9.</summary>
    ById = 0b010,

    BroadcastFromRootComplex = 0b011,

    /// <summary>Ends at the receiver of this link.</summary>
    Local = 0b100,

    /// <summary>Gathered by switches and routed to the root complex.</summary>
    Gathered = 0b101,

    /// <summary>Reserved: ends at the receiver, as the next.</summary>
    Reserved6 = 0b110,
    Reserved7 = 0b111,
}
