using System.Buffers.Binary;

namespace EpfTest.Protocol.Pcie.Tlp;

internal readonly partial record struct TlpHeader
{
    /// <summary>Writes <see cref="HeaderLength"/> bytes: byte 0 is Fmt and Type, each DW big-endian.</summary>
    /// <returns>Bytes written.</returns>
    public int Encode(Span<byte> destination)
    {
        int length = HeaderLength;
        destination = destination[..length];
        BinaryPrimitives.WriteUInt32BigEndian(destination, _dw0);
        BinaryPrimitives.WriteUInt32BigEndian(destination[TlpLimits.Dw..], _dw1);
        BinaryPrimitives.WriteUInt32BigEndian(destination[(2 * TlpLimits.Dw)..], _dw2);
        if (length == TlpLimits.Header4Dw)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[TlpLimits.Header3Dw..], _dw3);
        }

        return length;
    }

    /// <summary>Reads the header of a whole TLP, which ends with its payload. Any bytes may be given.</summary>
    /// <returns>False if the TLP is malformed: <paramref name="error"/> is the broken rule.</returns>
    public static bool TryDecode(
        ReadOnlySpan<byte> tlp, out TlpHeader header, out TlpError error, int maxPayloadSize = TlpLimits.MaxPayload)
    {
        if (!TryDecodeHeader(tlp, out header, out error))
        {
            return false;
        }

        if (tlp.Length - header.HeaderLength != header.PayloadLength)
        {
            error = TlpError.PayloadLengthMismatch;
        }
        else if (header.PayloadLength > maxPayloadSize)
        {
            error = TlpError.PayloadExceedsMaxPayloadSize;
        }
        else
        {
            return true;
        }

        header = default;
        return false;
    }

    /// <summary>Reads a header, whatever follows it.</summary>
    public static bool TryDecodeHeader(ReadOnlySpan<byte> source, out TlpHeader header, out TlpError error)
    {
        header = default;
        if (source.Length < TlpLimits.Header3Dw)
        {
            error = TlpError.TruncatedHeader;
            return false;
        }

        error = CheckFmtType(source[0]);
        if (error != TlpError.None)
        {
            return false;
        }

        bool is4Dw = (source[0] & Fmt4DwBit) != 0;
        if (is4Dw && source.Length < TlpLimits.Header4Dw)
        {
            error = TlpError.TruncatedHeader;
            return false;
        }

        var received = new TlpHeader(
            BinaryPrimitives.ReadUInt32BigEndian(source),
            BinaryPrimitives.ReadUInt32BigEndian(source[TlpLimits.Dw..]),
            BinaryPrimitives.ReadUInt32BigEndian(source[(2 * TlpLimits.Dw)..]),
            is4Dw ? BinaryPrimitives.ReadUInt32BigEndian(source[TlpLimits.Header3Dw..]) : 0);
        received = received.WithoutReservedBits();
        error = received.Check();
        if (error != TlpError.None)
        {
            return false;
        }

        header = received;
        return true;
    }

    private static TlpError CheckFmtType(byte fmtType)
    {
        const int PrefixFmt = 0b100;
        const int TypeBits = 5;
        if (fmtType >> TypeBits == PrefixFmt)
        {
            return TlpError.PrefixUnsupported;
        }

        bool is4Dw = (fmtType & Fmt4DwBit) != 0;
        return KindOf(fmtType) switch
        {
            TlpKind.MRd or TlpKind.MRdLk or TlpKind.MWr => TlpError.None,
            TlpKind.FetchAdd or TlpKind.Swap or TlpKind.Cas => TlpError.None,
            TlpKind.Msg or TlpKind.MsgD => TlpError.None,
            _ when is4Dw => TlpError.UndefinedFmtType,
            TlpKind.IORd or TlpKind.IOWr => TlpError.None,
            TlpKind.CfgRd0 or TlpKind.CfgWr0 or TlpKind.CfgRd1 or TlpKind.CfgWr1 => TlpError.None,
            TlpKind.Cpl or TlpKind.CplD or TlpKind.CplLk or TlpKind.CplDLk => TlpError.None,
            _ => TlpError.UndefinedFmtType,
        };
    }

    /// <summary>Clears the bits that a receiver must ignore (2.2.7 to 2.2.9).</summary>
    private TlpHeader WithoutReservedBits()
    {
        if (IsMemory)
        {
            // With TH, the processing hint is in the low bits of the address.
            uint lastMask = HasHint ? ~0u : ~DwOffsetMask;
            return new(
                _dw0 & ~Ln,
                IsAtomicOp && !HasHint ? _dw1 & ~AllByteEnablesMask : _dw1,
                Is4Dw ? _dw2 : _dw2 & lastMask,
                _dw3 & lastMask);
        }

        if (IsIo)
        {
            return new(_dw0 & ~(Ln | Th | Attribute2), _dw1, _dw2 & ~DwOffsetMask, 0);
        }

        if (IsConfiguration)
        {
            return new(
                _dw0 & ~(Ln | Th | Attribute2), _dw1, _dw2 & ((uint)ushort.MaxValue << TargetShift | RegisterMask), 0);
        }

        uint reserved = Ln | Th | (AddressTypeMask << AddressTypeShift) | (LengthIsReserved ? LengthMask : 0);
        return IsMessage
            ? new(_dw0 & ~(reserved | Tag9 | Tag8), _dw1, _dw2, _dw3)
            : new(_dw0 & ~reserved, _dw1, _dw2 & ~(LowerAddressMask + 1), 0);
    }
}
