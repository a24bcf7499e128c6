namespace EpfTest.Protocol.Pcie.Tlp;

internal readonly partial record struct TlpHeader
{
    /// <summary>The first rule that this header breaks, including rules that a receiver may leave unchecked.</summary>
    public TlpError Check()
    {
        if ((_dw0 & Td) != 0)
        {
            return TlpError.DigestUnsupported;
        }

        if (IsMemory)
        {
            return CheckMemory();
        }

        if (IsIo || IsConfiguration)
        {
            return CheckOneDw();
        }

        return IsMessage ? CheckMessage() : CheckCompletion();
    }

    private TlpError CheckMemory()
    {
        if (Is4Dw && _dw2 == 0)
        {
            return TlpError.AddressBelow4GiBIn4DwHeader;
        }

        if (IsAtomicOp)
        {
            return CheckAtomicOp();
        }

        TlpError error = CheckByteEnables();
        if (error != TlpError.None)
        {
            return error;
        }

        int pageOffset = (int)(Address & (TlpLimits.RequestBoundary - 1));
        return pageOffset + (Length * TlpLimits.Dw) > TlpLimits.RequestBoundary ? TlpError.Crosses4KiB : TlpError.None;
    }

    private TlpError CheckByteEnables()
    {
        if (Length == 1)
        {
            return LastByteEnables == 0 ? TlpError.None : TlpError.LastByteEnablesNotZero;
        }

        if (FirstByteEnables == 0)
        {
            return TlpError.FirstByteEnablesZero;
        }

        if (LastByteEnables == 0)
        {
            return TlpError.LastByteEnablesZero;
        }

        const int Qw = 2 * TlpLimits.Dw;
        bool isAlignedQw = Length * TlpLimits.Dw == Qw && Address % Qw == 0;
        return isAlignedQw || IsContiguous ? TlpError.None : TlpError.ByteEnablesNotContiguous;
    }

    private TlpError CheckAtomicOp()
    {
        bool isOperandSize = Kind is TlpKind.Cas ? Length is 2 or 4 or 8 : Length is 1 or 2;
        if (!isOperandSize)
        {
            return TlpError.AtomicOperandSize;
        }

        return Address % (uint)CompletionByteCount == 0 ? TlpError.None : TlpError.AtomicOperandNotAligned;
    }

    private TlpError CheckOneDw()
    {
        if (Length != 1)
        {
            return TlpError.LengthNotOne;
        }

        if (LastByteEnables != 0)
        {
            return TlpError.LastByteEnablesNotZero;
        }

        if (TrafficClass != 0)
        {
            return TlpError.TrafficClassNotZero;
        }

        if ((_dw0 & (AttributesMask << AttributesShift)) != 0)
        {
            return TlpError.AttributesNotZero;
        }

        return AddressType == AddressType.Untranslated ? TlpError.None : TlpError.AddressTypeNotZero;
    }

    private TlpError CheckMessage()
    {
        MessageCode code = MessageCode;
        if (code.IsVendorDefined())
        {
            return Routing is MessageRouting.ToRootComplex or MessageRouting.ById
                or MessageRouting.BroadcastFromRootComplex or MessageRouting.Local
                ? TlpError.None
                : TlpError.MessageRoutingMismatch;
        }

        if (code.RequiredRouting() is not { } routing)
        {
            return TlpError.None;
        }

        if (Routing != routing)
        {
            return TlpError.MessageRoutingMismatch;
        }

        if (Length != (code is MessageCode.Set_Slot_Power_Limit ? 1 : 0))
        {
            return TlpError.MessagePayloadMismatch;
        }

        return TrafficClass == 0 ? TlpError.None : TlpError.TrafficClassNotZero;
    }

    private TlpError CheckCompletion()
    {
        if (!HasPayload)
        {
            return TlpError.None;
        }

        if (Status != CompletionStatus.SuccessfulCompletion)
        {
            return TlpError.DataWithUnsuccessfulStatus;
        }

        int offset = FirstByteOffset;
        if (Length > ByteEnables.LengthDw((uint)offset, ByteCount))
        {
            return TlpError.CompletionExceedsByteCount;
        }

        bool isLast = PayloadLength - offset >= ByteCount;
        int end = LowerAddress - offset + PayloadLength;
        return isLast || end % TlpLimits.MinReadCompletionBoundary == 0
            ? TlpError.None
            : TlpError.CompletionNotAtReadCompletionBoundary;
    }
}
