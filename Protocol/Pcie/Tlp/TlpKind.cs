namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// The kind of a TLP: byte 0 (Fmt[2:0], Type[4:0]) of its shortest header, without the routing bits of a message
/// (section 2.2.1, table "Fmt[2:0] and Type[4:0] Field Encodings").
/// </summary>
internal enum TlpKind : byte
{
    MRd = 0b000_00000,

    /// <summary>Memory Read Request, locked. Decoded so that a receiver can answer UR with a CplLk.</summary>
    MRdLk = 0b000_00001,

    IORd = 0b000_00010,

    /// <summary>Configuration Read, type 0: for the function at the end of this link.</summary>
    CfgRd0 = 0b000_00100,

    /// <summary>Configuration Read, type 1: for a function behind a bridge. An endpoint answers UR.</summary>
    CfgRd1 = 0b000_00101,

    Cpl = 0b000_01010,

    /// <summary>Completion without data of a locked read.</summary>
    CplLk = 0b000_01011,

    /// <summary>Message without data. The low 3 bits on the wire are <see cref="MessageRouting"/>.</summary>
    Msg = 0b001_10000,

    /// <summary>Memory Write Request (posted).</summary>
    MWr = 0b010_00000,

    /// <summary>I/O Write Request (non-posted).</summary>
    IOWr = 0b010_00010,

    /// <summary>Configuration Write, type 0.</summary>
    CfgWr0 = 0b010_00100,

    /// <summary>Configuration Write, type 1.</summary>
    CfgWr1 = 0b010_00101,

    CplD = 0b010_01010,

    /// <summary>Completion with data of a locked read.</summary>
    CplDLk = 0b010_01011,

    /// <summary>Fetch and Add AtomicOp. A completer without AtomicOp support answers UR, as for the next two.</summary>
    FetchAdd = 0b010_01100,

    /// <summary>Unconditional Swap AtomicOp.</summary>
    Swap = 0b010_01101,

    /// <summary>Compare and Swap AtomicOp.</summary>
    Cas = 0b010_01110,

    /// <summary>Message with data. The low 3 bits on the wire are <see cref="MessageRouting"/>.</summary>
    MsgD = 0b011_10000,
}
