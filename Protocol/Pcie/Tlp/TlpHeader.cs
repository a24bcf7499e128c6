using System.Numerics;

namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// The header of a TLP: the 3 or 4 DW themselves, with a property for each field. Non-flit mode, without prefixes and
/// digest (section 2.2). Reserved bits are 0 here, whatever was received.
/// </summary>
/// <remarks>
/// A factory (<see cref="MemoryRead"/>, ...) or <see cref="TryDecode"/> makes one; a <c>with</c> expression changes the
/// optional fields. A property of a field that the kind does not have returns the bits that are there instead.
/// </remarks>
internal readonly partial record struct TlpHeader
{
    private const int FmtTypeShift = 24;
    private const uint FmtDataBit = 0x40;
    private const uint Fmt4DwBit = 0x20;
    private const uint MessageTypeMask = 0x38;
    private const uint MessageType = 0x30;
    private const uint RoutingMask = 0x7;

    // DW 0, bit 31 being bit 7 of byte 0. T9 and T8 are tag bits; LN is deprecated, and never looked at.
    private const uint Tag9 = 1u << 23;
    private const int TrafficClassShift = 20;
    private const uint TrafficClassMask = 0x7;
    private const uint Tag8 = 1u << 19;
    private const uint Attribute2 = 1u << 18;
    private const uint Ln = 1u << 17;
    private const uint Th = 1u << 16;
    private const uint Td = 1u << 15;
    private const uint Ep = 1u << 14;
    private const int AttributesShift = 12;
    private const uint AttributesMask = 0x3;
    private const int AddressTypeShift = 10;
    private const uint AddressTypeMask = 0x3;
    private const uint LengthMask = 0x3FF;

    // DW 1 of a request, DW 2 of a completion.
    private const int RequesterShift = 16;
    private const int TagShift = 8;
    private const uint TagMask = 0xFF;
    private const int LastByteEnablesShift = 4;
    private const uint ByteEnablesMask = 0xF;
    private const uint AllByteEnablesMask = 0xFF;
    private const uint MessageCodeMask = 0xFF;

    // DW 1 of a completion.
    private const int CompleterShift = 16;
    private const int StatusShift = 13;
    private const uint StatusMask = 0x7;
    private const uint Bcm = 1u << 12;
    private const uint ByteCountMask = 0xFFF;

    // The last DW of each kind.
    private const int TargetShift = 16;
    private const uint RegisterMask = 0xFFC;
    private const uint LowerAddressMask = 0x7F;
    private const uint DwOffsetMask = TlpLimits.Dw - 1;

    private readonly uint _dw0;
    private readonly uint _dw1;
    private readonly uint _dw2;
    private readonly uint _dw3;

    private TlpHeader(uint dw0, uint dw1, uint dw2, uint dw3)
    {
        _dw0 = dw0;
        _dw1 = dw1;
        _dw2 = dw2;
        _dw3 = dw3;
    }

    /// <summary>What this TLP is.</summary>
    public TlpKind Kind => KindOf(_dw0 >> FmtTypeShift);

    /// <summary>Fmt[0]: the header has 4 DW, not 3.</summary>
    public bool Is4Dw => (_dw0 >> FmtTypeShift & Fmt4DwBit) != 0;

    /// <summary>Fmt[1]: a payload follows.</summary>
    public bool HasPayload => (_dw0 >> FmtTypeShift & FmtDataBit) != 0;

    /// <summary>Bytes of the header, 12 or 16.</summary>
    public int HeaderLength => Is4Dw ? TlpLimits.Header4Dw : TlpLimits.Header3Dw;

    /// <summary>Bytes of the payload.</summary>
    public int PayloadLength => HasPayload ? Length * TlpLimits.Dw : 0;

    /// <summary>A request that a completion answers: neither a memory write nor a message.</summary>
    public bool IsNonPosted => Kind is not TlpKind.MWr && !IsMessage && !IsCompletion;

    /// <summary>Cpl, CplD, CplLk or CplDLk.</summary>
    public bool IsCompletion => Kind is TlpKind.Cpl or TlpKind.CplD or TlpKind.CplLk or TlpKind.CplDLk;

    /// <summary>Msg or MsgD.</summary>
    public bool IsMessage => Kind is TlpKind.Msg or TlpKind.MsgD;

    /// <summary>MRd, MRdLk, MWr or an AtomicOp.</summary>
    public bool IsMemory => IsMemoryRead || Kind is TlpKind.MWr || IsAtomicOp;

    /// <summary>MRd or MRdLk.</summary>
    public bool IsMemoryRead => Kind is TlpKind.MRd or TlpKind.MRdLk;

    /// <summary>FetchAdd, Swap or CAS.</summary>
    public bool IsAtomicOp => Kind is TlpKind.FetchAdd or TlpKind.Swap or TlpKind.Cas;

    /// <summary>IORd or IOWr.</summary>
    public bool IsIo => Kind is TlpKind.IORd or TlpKind.IOWr;

    /// <summary>A configuration request of type 0 or 1.</summary>
    public bool IsConfiguration => Kind is TlpKind.CfgRd0 or TlpKind.CfgWr0 or TlpKind.CfgRd1 or TlpKind.CfgWr1;

    /// <summary>A non-posted request whose successful completion carries data.</summary>
    public bool ExpectsData => IsMemoryRead || IsAtomicOp || Kind is TlpKind.IORd or TlpKind.CfgRd0 or TlpKind.CfgRd1;

    /// <summary>Traffic Class, 0 to 7 (2.2.6.6).</summary>
    public int TrafficClass
    {
        get => (int)(_dw0 >> TrafficClassShift & TrafficClassMask);
        init => _dw0 = Insert(_dw0, TrafficClassMask, TrafficClassShift, (uint)value);
    }

    /// <summary>Attr[2:0] (2.2.6.3).</summary>
    public TlpAttributes Attributes
    {
        get => (TlpAttributes)((_dw0 >> AttributesShift & AttributesMask)
            | ((_dw0 & Attribute2) != 0 ? (uint)TlpAttributes.IdBasedOrdering : 0));
        init => _dw0 = SetFlag(
            Insert(_dw0, AttributesMask, AttributesShift, (uint)value),
            Attribute2,
            (value & TlpAttributes.IdBasedOrdering) != 0);
    }

    /// <summary>EP: the payload is poisoned, known to be bad (2.7.2).</summary>
    public bool Poisoned
    {
        get => (_dw0 & Ep) != 0;
        init => _dw0 = SetFlag(_dw0, Ep, value);
    }

    /// <summary>AT of a memory request; untranslated in all others.</summary>
    public AddressType AddressType
    {
        get => (AddressType)(_dw0 >> AddressTypeShift & AddressTypeMask);
        init => _dw0 = Insert(_dw0, AddressTypeMask, AddressTypeShift, (uint)value);
    }

    /// <summary>
    /// TH: a memory request has a processing hint, and a steering tag in place of its tag (a write) or byte enables.
    /// </summary>
    public bool HasHint => (_dw0 & Th) != 0;

    /// <summary>
    /// Length in DW, 1 to 1024: of the payload, or of what a read asks for. 0 in a completion or message without data,
    /// where the field is reserved.
    /// </summary>
    public int Length
    {
        get
        {
            int length = (int)(_dw0 & LengthMask);
            return length != 0 || LengthIsReserved ? length : TlpLimits.MaxLengthDw;
        }
    }

    /// <summary>Requester ID: the sender of a request, the receiver of a completion.</summary>
    public Bdf Requester => new((ushort)((IsCompletion ? _dw2 : _dw1) >> RequesterShift));

    /// <summary>Tag, 0 to 1023 with T9 and T8 (2.2.6.2); 0 to 255 in a message.</summary>
    public int Tag =>
        (int)(((IsCompletion ? _dw2 : _dw1) >> TagShift & TagMask)
            | ((_dw0 & Tag8) != 0 ? 0x100u : 0)
            | ((_dw0 & Tag9) != 0 ? 0x200u : 0));

    /// <summary>First DW BE of a memory, I/O or configuration request; all if TH or an AtomicOp implies it.</summary>
    public int FirstByteEnables
    {
        get => ByteEnablesAreImplied ? ByteEnables.All : (int)(_dw1 & ByteEnablesMask);
        init => _dw1 = Insert(_dw1, ByteEnablesMask, 0, (uint)value);
    }

    /// <summary>Last DW BE of a memory, I/O or configuration request; 0 in one of 1 DW.</summary>
    public int LastByteEnables
    {
        get
        {
            if (ByteEnablesAreImplied)
            {
                return Length == 1 ? 0 : ByteEnables.All;
            }

            return (int)(_dw1 >> LastByteEnablesShift & ByteEnablesMask);
        }

        init => _dw1 = Insert(_dw1, ByteEnablesMask, LastByteEnablesShift, (uint)value);
    }

    /// <summary>
    /// Address of the first DW of a memory request (a host bus address) or I/O request (in I/O space), or a
    /// configuration request's offset in the configuration space.
    /// </summary>
    public ulong Address
    {
        get
        {
            if (IsConfiguration)
            {
                return _dw2 & RegisterMask;
            }

            return (Is4Dw ? (ulong)_dw2 << 32 | _dw3 : _dw2) & ~(ulong)DwOffsetMask;
        }
    }

    /// <summary>The function that a configuration request or an ID-routed message is for.</summary>
    public Bdf Target => new((ushort)(_dw2 >> TargetShift));

    /// <summary>Completer ID of a completion.</summary>
    public Bdf Completer => new((ushort)(_dw1 >> CompleterShift));

    /// <summary>Status of a completion. May be a reserved value.</summary>
    public CompletionStatus Status => (CompletionStatus)(_dw1 >> StatusShift & StatusMask);

    /// <summary>BCM of a completion: a PCI-X completer has modified its Byte Count. Never set on PCIe alone.</summary>
    public bool ByteCountModified => (_dw1 & Bcm) != 0;

    /// <summary>Byte Count of a completion: bytes that complete the read, these included, 1 to 4096.</summary>
    public int ByteCount
    {
        get
        {
            int count = (int)(_dw1 & ByteCountMask);
            return count == 0 ? TlpLimits.MaxPayload : count;
        }
    }

    /// <summary>
    /// Lower Address of a completion: bits 6:0 of the address of its first byte in a memory read, else 0.
    /// </summary>
    public int LowerAddress => (int)(_dw2 & LowerAddressMask);

    public MessageCode MessageCode => (MessageCode)(_dw1 & MessageCodeMask);

    public MessageRouting Routing => (MessageRouting)(_dw0 >> FmtTypeShift & RoutingMask);

    /// <summary>Header bytes 8 to 15 of a message, byte 8 the most significant; each code defines its own.</summary>
    public ulong MessageData => (ulong)_dw2 << 32 | _dw3;

    /// <summary>Vendor ID of a Vendor_Defined message (2.2.8.6).</summary>
    public ushort VendorId => (ushort)_dw2;

    /// <summary>Header bytes 12 to 15 of a Vendor_Defined message, byte 12 the most significant.</summary>
    public uint VendorData => _dw3;

    /// <summary>
    /// Offset in the first DW, 0 to 3, of the first enabled byte of a request, or of a completion's first byte.
    /// </summary>
    public int FirstByteOffset
    {
        get
        {
            if (IsCompletion)
            {
                return LowerAddress & (int)DwOffsetMask;
            }

            return IsMessage || FirstByteEnables == 0 ? 0 : BitOperations.TrailingZeroCount(FirstByteEnables);
        }
    }

    /// <summary>Address of the first enabled byte, or of the DW of a zero-length request.</summary>
    public ulong FirstByteAddress => Address + (uint)FirstByteOffset;

    /// <summary>
    /// Bytes from the first to the last enabled one of a request (0 in a zero-length one), bytes of the read in a
    /// completion, bytes of payload in a message.
    /// </summary>
    public int ByteLength
    {
        get
        {
            int offset = FirstByteOffset;
            if (IsCompletion)
            {
                return HasPayload ? Math.Min(ByteCount, PayloadLength - offset) : 0;
            }

            if (IsMessage)
            {
                return PayloadLength;
            }

            int lastEnables = Length == 1 ? FirstByteEnables : LastByteEnables;
            int lastEnd = BitOperations.Log2((uint)lastEnables << 1);
            return lastEnables == 0 ? 0 : ((Length - 1) * TlpLimits.Dw) + lastEnd - offset;
        }
    }

    /// <summary>Whether the byte <paramref name="index"/> bytes after the first enabled one is enabled.</summary>
    public bool IsByteEnabled(int index)
    {
        int position = FirstByteOffset + index;
        return (ByteEnablesOf(position / TlpLimits.Dw) >> (position % TlpLimits.Dw) & 1) != 0;
    }

    /// <summary>Whether every byte of <see cref="ByteLength"/> is enabled.</summary>
    public bool IsContiguous
    {
        get
        {
            if (IsCompletion || IsMessage)
            {
                return true;
            }

            return Length == 1
                ? BitOperations.PopCount((uint)FirstByteEnables) == ByteLength
                : ByteEnables.RunsToEnd(FirstByteEnables) && ByteEnables.RunsFromStart(LastByteEnables);
        }
    }

    /// <summary>
    /// Byte Count of the first completion of this non-posted request (2.2.9, 2.3.1.1): 1 for a zero-length read.
    /// </summary>
    public int CompletionByteCount
    {
        get
        {
            if (IsMemoryRead)
            {
                return Math.Max(ByteLength, 1);
            }

            int operand = Kind is TlpKind.Cas ? PayloadLength / 2 : PayloadLength;
            return IsAtomicOp ? operand : TlpLimits.Dw;
        }
    }

    /// <summary>Bytes that the completer returns; I/O and configuration reads return the whole DW.</summary>
    public int ReadLength => IsMemoryRead ? ByteLength : ExpectsData ? CompletionByteCount : 0;

    /// <summary>Lower Address of the first completion of this non-posted request.</summary>
    public int CompletionLowerAddress => IsMemoryRead ? (int)(FirstByteAddress & LowerAddressMask) : 0;

    private bool LengthIsReserved => Kind is TlpKind.Cpl or TlpKind.CplLk or TlpKind.Msg;

    private bool ByteEnablesAreImplied => IsAtomicOp || (HasHint && IsMemoryRead);

    private int ByteEnablesOf(int index) =>
        index == 0 ? FirstByteEnables : index == Length - 1 ? LastByteEnables : ByteEnables.All;

    private static TlpKind KindOf(uint fmtType) =>
        (TlpKind)((fmtType & MessageTypeMask) == MessageType ? fmtType & ~RoutingMask : fmtType & ~Fmt4DwBit);

    private static uint Insert(uint dw, uint mask, int shift, uint value) =>
        (dw & ~(mask << shift)) | ((value & mask) << shift);

    private static uint SetFlag(uint dw, uint flag, bool value) => value ? dw | flag : dw & ~flag;
}
