using System.Runtime.CompilerServices;

namespace EpfTest.Protocol.Pcie.Tlp;

internal readonly partial record struct TlpHeader
{
    /// <summary>MRd of <paramref name="byteCount"/> bytes (2.2.7): 3DW below 4 GiB, else 4DW.</summary>
    /// <param name="address">Host bus address of the first byte.</param>
    /// <param name="byteCount">Bytes, 0 to 4096 and not across a 4 KiB boundary. 0 is a flush.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="tag">0 to 1023.</param>
    public static TlpHeader MemoryRead(ulong address, int byteCount, Bdf requester, int tag) =>
        Memory(TlpKind.MRd, address, byteCount, requester, tag);

    /// <summary>MWr of <paramref name="byteCount"/> bytes (2.2.7): 3DW below 4 GiB, else 4DW.</summary>
    /// <param name="address">Host bus address of the first byte.</param>
    /// <param name="byteCount">Bytes, 0 to 4096 and not across a 4 KiB boundary. 0 writes nothing.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="tag">0 to 1023; of no meaning in a posted request.</param>
    public static TlpHeader MemoryWrite(ulong address, int byteCount, Bdf requester, int tag = 0) =>
        Memory(TlpKind.MWr, address, byteCount, requester, tag);

    /// <summary>An AtomicOp (2.2.7).</summary>
    /// <param name="kind">FetchAdd, Swap or CAS.</param>
    /// <param name="address">Host bus address, aligned to the operand.</param>
    /// <param name="lengthDw">DW of payload: 1 or 2; 2, 4 or 8 for CAS.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="tag">0 to 1023.</param>
    public static TlpHeader AtomicOp(TlpKind kind, ulong address, int lengthDw, Bdf requester, int tag)
    {
        ThrowIfNotIn(lengthDw, 1, TlpLimits.MaxLengthDw);
        TlpHeader header = ByAddress(Dw0(kind, lengthDw, tag), TransactionId(requester, tag), address);
        return header.IsAtomicOp && header.Check() == TlpError.None && header.Address == address
            ? header
            : throw new ArgumentException($"Not an AtomicOp: {header}.", nameof(kind));
    }

    /// <summary>IORd of 1 to 4 bytes in one DW (2.2.7).</summary>
    /// <param name="address">Address in I/O space.</param>
    /// <param name="byteCount">Bytes.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="tag">0 to 1023.</param>
    public static TlpHeader IoRead(uint address, int byteCount, Bdf requester, int tag) =>
        OneDw(TlpKind.IORd, address, byteCount, requester, tag, address);

    /// <summary>IOWr of 1 to 4 bytes in one DW (2.2.7).</summary>
    /// <inheritdoc cref="IoRead"/>
    public static TlpHeader IoWrite(uint address, int byteCount, Bdf requester, int tag) =>
        OneDw(TlpKind.IOWr, address, byteCount, requester, tag, address);

    /// <summary>CfgRd0 of 1 to 4 bytes in one DW (2.2.7).</summary>
    /// <param name="target">The function asked.</param>
    /// <param name="offset">Offset of the first byte in its configuration space, 0 to 4095.</param>
    /// <param name="byteCount">Bytes.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="tag">0 to 1023.</param>
    /// <param name="type1">Makes it a CfgRd1, for a function behind a bridge.</param>
    public static TlpHeader ConfigurationRead(
        Bdf target, int offset, int byteCount, Bdf requester, int tag, bool type1 = false) =>
        Configuration(type1 ? TlpKind.CfgRd1 : TlpKind.CfgRd0, target, offset, byteCount, requester, tag);

    /// <summary>CfgWr0 of 1 to 4 bytes in one DW (2.2.7).</summary>
    /// <param name="target">The function asked.</param>
    /// <param name="offset">Offset of the first byte in its configuration space, 0 to 4095.</param>
    /// <param name="byteCount">Bytes.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="tag">0 to 1023.</param>
    /// <param name="type1">Makes it a CfgWr1, for a function behind a bridge.</param>
    public static TlpHeader ConfigurationWrite(
        Bdf target, int offset, int byteCount, Bdf requester, int tag, bool type1 = false) =>
        Configuration(type1 ? TlpKind.CfgWr1 : TlpKind.CfgWr0, target, offset, byteCount, requester, tag);

    /// <summary>
    /// A completion without data (2.2.9): of a write with any status, or of a read that failed from its first byte on.
    /// </summary>
    /// <param name="request">The non-posted request that it answers.</param>
    /// <param name="completer">Who answers.</param>
    /// <param name="status">The outcome.</param>
    public static TlpHeader Completion(in TlpHeader request, Bdf completer, CompletionStatus status) =>
        Completion(request, completer, status, offset: 0);

    /// <summary>
    /// A completion without data of a read that failed at <paramref name="offset"/> (2.3.1.1), its last one.
    /// </summary>
    /// <param name="request">The non-posted request that it answers.</param>
    /// <param name="completer">Who answers.</param>
    /// <param name="status">The outcome.</param>
    /// <param name="offset">Bytes of the read that were completed before.</param>
    public static TlpHeader Completion(in TlpHeader request, Bdf completer, CompletionStatus status, int offset) =>
        Complete(request, IsLocked(request) ? TlpKind.CplLk : TlpKind.Cpl, completer, status, offset, lengthDw: 0);

    /// <summary>The only completion with data of a read (2.2.9).</summary>
    /// <param name="request">The read or AtomicOp that it answers.</param>
    /// <param name="completer">Who answers.</param>
    public static TlpHeader CompletionData(in TlpHeader request, Bdf completer) =>
        CompletionData(request, completer, 0, request.CompletionByteCount);

    /// <summary>
    /// One of the completions with data of a read. <see cref="CompletionSplitter"/> chooses the ranges.
    /// </summary>
    /// <param name="request">The read or AtomicOp that it answers.</param>
    /// <param name="completer">Who answers.</param>
    /// <param name="offset">Where its bytes are in those of the read.</param>
    /// <param name="byteCount">How many they are, at least 1.</param>
    public static TlpHeader CompletionData(in TlpHeader request, Bdf completer, int offset, int byteCount)
    {
        if (!request.ExpectsData)
        {
            throw new ArgumentException("Not a request that returns data.", nameof(request));
        }

        ThrowIfNotIn(byteCount, 1, request.CompletionByteCount - offset);
        int lengthDw = ByteEnables.LengthDw((ulong)(request.CompletionLowerAddress + offset), byteCount);
        TlpKind kind = IsLocked(request) ? TlpKind.CplDLk : TlpKind.CplD;
        return Complete(request, kind, completer, CompletionStatus.SuccessfulCompletion, offset, lengthDw);
    }

    /// <summary>A message without data and without choice of routing: INTx, PM, ERR_*, Unlock (2.2.8).</summary>
    /// <param name="code">Which message.</param>
    /// <param name="requester">Who sends it.</param>
    public static TlpHeader Message(MessageCode code, Bdf requester) =>
        Message(
            code, code.RequiredRouting() ?? throw new ArgumentException("Needs a routing.", nameof(code)), requester);

    /// <summary>Any message (2.2.8).</summary>
    /// <param name="code">Which message.</param>
    /// <param name="routing">How it finds its receiver.</param>
    /// <param name="requester">Who sends it.</param>
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

    /// <summary>Set_Slot_Power_Limit, a MsgD of 1 DW that ends at the receiver (2.2.8.5).</summary>
    /// <param name="requester">Who sends it.</param>
    public static TlpHeader SetSlotPowerLimit(Bdf requester) =>
        Message(MessageCode.Set_Slot_Power_Limit, MessageRouting.Local, requester, payloadDw: 1);

    /// <summary>Vendor_Defined of type 0 or 1 (2.2.8.6).</summary>
    /// <param name="code">Which of the two.</param>
    /// <param name="routing">To the root complex, by ID, broadcast or local.</param>
    /// <param name="target">The receiver when routed by ID; else reserved.</param>
    /// <param name="vendorId">Who defined it.</param>
    /// <param name="vendorData">Header bytes 12 to 15, byte 12 the most significant.</param>
    /// <param name="requester">Who sends it.</param>
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
            throw new ArgumentException("Not a request that a completion answers.", nameof(request));
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
