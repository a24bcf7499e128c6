using System.Runtime.CompilerServices;

namespace EpfTest.Protocol.Pcie.Tlp;

internal readonly partial record struct TlpHeader
{
    /// <summary>
    /// MRd of <paramref name="byteCount"/> bytes, not across a 4 KiB boundary (2.2.7). 0 bytes are a flush. As with all
    /// memory requests, the header has 3 DW below 4 GiB, else 4 DW.
    /// </summary>
    public static TlpHeader MemoryRead(ulong address, int byteCount, Bdf requester, int tag) =>
        Memory(TlpKind.MRd, address, byteCount, requester, tag);

    /// <summary>MWr of <paramref name="byteCount"/> bytes, not across a 4 KiB boundary (2.2.7).</summary>
    public static TlpHeader MemoryWrite(ulong address, int byteCount, Bdf requester, int tag = 0) =>
        Memory(TlpKind.MWr, address, byteCount, requester, tag);

    /// <summary>IORd of 1 to 4 bytes in one DW (2.2.7).</summary>
    public static TlpHeader IoRead(uint address, int byteCount, Bdf requester, int tag) =>
        OneDw(TlpKind.IORd, address, byteCount, requester, tag, address);

    /// <summary>IOWr of 1 to 4 bytes in one DW (2.2.7).</summary>
    public static TlpHeader IoWrite(uint address, int byteCount, Bdf requester, int tag) =>
        OneDw(TlpKind.IOWr, address, byteCount, requester, tag, address);

    /// <summary>CfgRd0 of 1 to 4 bytes in one DW (2.2.7).</summary>
    public static TlpHeader ConfigurationRead(Bdf target, int offset, int byteCount, Bdf requester, int tag) =>
        Configuration(TlpKind.CfgRd0, target, offset, byteCount, requester, tag);

    /// <summary>CfgWr0 of 1 to 4 bytes in one DW (2.2.7).</summary>
    public static TlpHeader ConfigurationWrite(Bdf target, int offset, int byteCount, Bdf requester, int tag) =>
        Configuration(TlpKind.CfgWr0, target, offset, byteCount, requester, tag);

    /// <summary>A completion without data: of a write, or of a read that failed at its first byte (2.2.9).</summary>
    public static TlpHeader Completion(in TlpHeader request, Bdf completer, CompletionStatus status) =>
        Complete(request, IsLocked(request) ? TlpKind.CplLk : TlpKind.Cpl, completer, status, offset: 0, lengthDw: 0);

    /// <summary>The only completion with data of a read (2.2.9).</summary>
    public static TlpHeader CompletionData(in TlpHeader request, Bdf completer) =>
        CompletionData(request, completer, 0, request.CompletionByteCount);

    /// <summary>A completion with the data of a read from <paramref name="offset"/> on.</summary>
    public static TlpHeader CompletionData(in TlpHeader request, Bdf completer, int offset, int byteCount)
    {
        if (!request.ExpectsData)
        {
            throw new ArgumentException("not a request that returns data", nameof(request));
        }

        ThrowIfNotIn(byteCount, 1, request.CompletionByteCount - offset);
        int lengthDw = ByteEnables.LengthDw((ulong)(request.CompletionLowerAddress + offset), byteCount);
        TlpKind kind = IsLocked(request) ? TlpKind.CplDLk : TlpKind.CplD;
        return Complete(request, kind, completer, CompletionStatus.SuccessfulCompletion, offset, lengthDw);
    }

    /// <summary>A message without data whose code requires its routing: INTx, PM, ERR_*, Unlock (2.2.8).</summary>
    public static TlpHeader Message(MessageCode code, Bdf requester) =>
        Message(
            code,
            code.RequiredRouting() ?? throw new ArgumentException("the code requires no routing", nameof(code)),
            requester);

    /// <summary>Any message (2.2.8).</summary>
    /// <param name="code">Message Code.</param>
    /// <param name="routing">r[2:0].</param>
    /// <param name="requester">Requester ID.</param>
    /// <param name="data">Header bytes 8 to 15, byte 8 the most significant.</param>
    /// <param name="payloadDw">DW of payload, 0 to 1024: 0 makes a Msg, others a MsgD.</param>
    /// <param name="tag">0 to 255; messages have no 10-bit tags.</param>
    public static TlpHeader Message(
        MessageCode code, MessageRouting routing, Bdf requester, ulong data = 0, int payloadDw = 0, int tag = 0)
    {
        ThrowIfNotIn(payloadDw, 0, TlpLimits.MaxLengthDw);
        ThrowIfNotIn(tag, 0, (int)TagMask);
        uint fmtType = (uint)(payloadDw == 0 ? TlpKind.Msg : TlpKind.MsgD) | ((uint)routing & RoutingMask);
        return new(
            (fmtType << FmtTypeShift) | ((uint)payloadDw & LengthMask),
            TransactionId(requester, tag) | (uint)code,
            (uint)(data >> 32),
            (uint)data);
    }

    /// <summary>Vendor_Defined of type 0 or 1 (2.2.8.6).</summary>
    /// <param name="code">One of the two.</param>
    /// <param name="routing">To the root complex, by ID, broadcast or local.</param>
    /// <param name="target">The receiver when routed by ID; else reserved.</param>
    /// <param name="vendorId">Vendor ID.</param>
    /// <param name="vendorData">Header bytes 12 to 15, byte 12 the most significant.</param>
    /// <param name="requester">Requester ID.</param>
    /// <param name="payloadDw">DW of payload.</param>
    public static TlpHeader VendorDefined(
        MessageCode code,
        MessageRouting routing,
        Bdf target,
        ushort vendorId,
        uint vendorData,
        Bdf requester,
        int payloadDw = 0)
    {
        ulong data = ((ulong)target.Value << 48) | ((ulong)vendorId << 32) | vendorData;
        return Message(code, routing, requester, data, payloadDw);
    }

    private static TlpHeader Memory(TlpKind kind, ulong address, int byteCount, Bdf requester, int tag)
    {
        ThrowIfNotIn(byteCount, 0, TlpLimits.RequestBoundary - (int)(address & (TlpLimits.RequestBoundary - 1)));
        uint dw0 = Dw0(kind, ByteEnables.LengthDw(address, byteCount), tag);
        return ByAddress(dw0, Dw1(requester, tag, address, byteCount), address);
    }

    private static TlpHeader ByAddress(uint dw0, uint dw1, ulong address)
    {
        uint low = (uint)address & ~DwOffsetMask;
        return address <= uint.MaxValue
            ? new(dw0, dw1, low, 0)
            : new(dw0 | (Fmt4DwBit << FmtTypeShift), dw1, (uint)(address >> 32), low);
    }

    private static TlpHeader Configuration(
        TlpKind kind, Bdf target, int offset, int byteCount, Bdf requester, int tag)
    {
        ThrowIfNotIn(offset, 0, TlpLimits.RequestBoundary - 1);
        uint dw2 = ((uint)target.Value << TargetShift) | ((uint)offset & RegisterMask);
        return OneDw(kind, (uint)offset, byteCount, requester, tag, dw2);
    }

    private static TlpHeader OneDw(TlpKind kind, uint address, int byteCount, Bdf requester, int tag, uint dw2)
    {
        ThrowIfNotIn(byteCount, 1, TlpLimits.Dw - (int)(address & DwOffsetMask));
        return new(Dw0(kind, 1, tag), Dw1(requester, tag, address, byteCount), dw2 & ~DwOffsetMask, 0);
    }

    private static bool IsLocked(in TlpHeader request) => request.Kind is TlpKind.MRdLk;

    private static TlpHeader Complete(
        in TlpHeader request, TlpKind kind, Bdf completer, CompletionStatus status, int offset, int lengthDw)
    {
        if (!request.IsNonPosted)
        {
            throw new ArgumentException("not a non-posted request", nameof(request));
        }

        ThrowIfNotIn(offset, 0, request.CompletionByteCount - 1);
        uint byteCount = (uint)(request.CompletionByteCount - offset) & ByteCountMask;
        uint lowerAddress = (uint)(request.CompletionLowerAddress + offset) & LowerAddressMask;
        uint dw1 = ((uint)completer.Value << CompleterShift) | (((uint)status & StatusMask) << StatusShift) | byteCount;
        uint dw2 = TransactionId(request.Requester, request.Tag) | lowerAddress;
        return new TlpHeader(Dw0(kind, lengthDw, request.Tag), dw1, dw2, 0) with
        {
            TrafficClass = request.TrafficClass,
            Attributes = request.Attributes,
        };
    }

    private static uint Dw0(TlpKind kind, int lengthDw, int tag)
    {
        ThrowIfNotIn(tag, 0, TlpLimits.MaxTags - 1);
        return ((uint)kind << FmtTypeShift)
            | ((uint)lengthDw & LengthMask)
            | ((tag & 0x100) != 0 ? Tag8 : 0)
            | ((tag & 0x200) != 0 ? Tag9 : 0);
    }

    private static uint Dw1(Bdf requester, int tag, ulong address, int byteCount) =>
        TransactionId(requester, tag)
        | ((uint)ByteEnables.Last(address, byteCount) << LastByteEnablesShift)
        | (uint)ByteEnables.First(address, byteCount);

    private static uint TransactionId(Bdf requester, int tag) =>
        ((uint)requester.Value << RequesterShift) | (((uint)tag & TagMask) << TagShift);

    private static void ThrowIfNotIn(
        int value, int lowest, int highest, [CallerArgumentExpression(nameof(value))] string? parameter = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, lowest, parameter);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, highest, parameter);
    }
}
