using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Sends requests over the link, split as PCI Express requires, and awaits their completions. For any thread but the
/// receiving one.
/// </summary>
/// <remarks>
/// All requests of a call share one time limit, and several are outstanding at once. Each call returns how the first
/// request that failed has failed; addresses are host bus addresses.
/// </remarks>
internal sealed unsafe class TlpRequester(LinkConnection link, OutstandingRequests outstanding, LinkSettings settings)
{
    /// <summary>Reads memory.</summary>
    /// <param name="destination">Filled. If empty, the read only pushes earlier writes: a zero-length read.</param>
    /// <param name="maxReadRequest">MRRS in bytes.</param>
    /// <param name="extendedTags">The function's Extended Tag Field Enable: 8-bit tags if set, else 5-bit.</param>
    public RequestStatus ReadMemory(
        FunctionId function,
        Bdf requester,
        ulong address,
        Span<byte> destination,
        int maxReadRequest,
        bool extendedTags = true)
    {
        fixed (byte* start = destination)
        {
            if (destination.IsEmpty)
            {
                RequestStatus status = TryBegin(extendedTags, out Transfer? single, out int tag);
                return single is null
                    ? status
                    : Complete(single, function, TlpHeader.MemoryRead(address, 0, requester, tag), null, []);
            }

            int length = destination.Length;
            if (Wraps(address, length))
            {
                return RequestStatus.UnsupportedRequest;
            }

            return outstanding.Begin(settings.Timeouts.Completion, null) is { } transfer
                ? Await(
                    transfer,
                    SendReads(transfer, function, requester, address, start, length, maxReadRequest, extendedTags),
                    receives: true)
                : RequestStatus.LinkDown;
        }
    }

    /// <summary>Sends memory read requests whose data goes to a target as it arrives.</summary>
    /// <param name="length">The most bytes; on return how many are read: half of all tags, so that the requests of two
    /// reads keep the other side busy.</param>
    /// <param name="target">Takes the data; perhaps not all of it if a request fails.</param>
    /// <param name="maxReadRequest">MRRS in bytes.</param>
    /// <param name="extendedTags">As for <see cref="ReadMemory"/>.</param>
    public PendingRead BeginRead(
        FunctionId function,
        Bdf requester,
        ulong address,
        ref int length,
        IReadTarget target,
        int maxReadRequest,
        bool extendedTags = true)
    {
        length = Math.Min(length, OutstandingRequests.Capacity(extendedTags) / 2 * maxReadRequest);
        if (Wraps(address, length))
        {
            return PendingRead.Failed(RequestStatus.UnsupportedRequest);
        }

        return outstanding.Begin(settings.Timeouts.Completion, target) is { } transfer
            ? new PendingRead(
                this,
                transfer,
                SendReads(transfer, function, requester, address, null, length, maxReadRequest, extendedTags))
            : PendingRead.Failed(RequestStatus.LinkDown);
    }

    /// <summary>Writes memory: posted.</summary>
    /// <param name="maxPayload">MPS in bytes.</param>
    public RequestStatus WriteMemory(
        FunctionId function, Bdf requester, ulong address, ReadOnlySpan<byte> source, int maxPayload)
    {
        if (Wraps(address, source.Length))
        {
            return RequestStatus.UnsupportedRequest;
        }

        var batch = new TlpBatch(link);
        foreach (RequestPiece piece in new RequestSplitter(address, source.Length, maxPayload))
        {
            TlpHeader header = TlpHeader.MemoryWrite(piece.Address, piece.Length, requester);
            if (!batch.Add(function, header, source.Slice((int)piece.Offset, piece.Length)))
            {
                return RequestStatus.LinkDown;
            }
        }

        return Result(batch.Send());
    }

    /// <summary>Reads at most 4 bytes in one DW of I/O space.</summary>
    public RequestStatus ReadIo(FunctionId function, Bdf requester, uint address, Span<byte> destination)
    {
        RequestStatus status = TryBegin(extendedTags: true, out Transfer? transfer, out int tag);
        if (transfer is null)
        {
            return status;
        }

        // The completion has the whole DW, whose four bytes are at &value.
        uint value = 0;
        TlpHeader header = TlpHeader.IoRead(address, destination.Length, requester, tag);
        status = Complete(transfer, function, header, (byte*)&value, []);
        if (status == RequestStatus.Success)
        {
            new ReadOnlySpan<byte>((byte*)&value + (address % TlpLimits.Dw), destination.Length).CopyTo(destination);
        }

        return status;
    }

    /// <summary>Writes at most 4 bytes in one DW of I/O space, and awaits the completion.</summary>
    public RequestStatus WriteIo(FunctionId function, Bdf requester, uint address, ReadOnlySpan<byte> source)
    {
        RequestStatus status = TryBegin(extendedTags: true, out Transfer? transfer, out int tag);
        return transfer is null
            ? status
            : Complete(transfer, function, TlpHeader.IoWrite(address, source.Length, requester, tag), null, source);
    }

    /// <summary>Reads configuration space by type 0 requests of one DW each, several at once.</summary>
    /// <param name="offset">Bytes, a multiple of 4.</param>
    /// <param name="destination">A multiple of 4 bytes, at most 4096.</param>
    public RequestStatus ReadConfiguration(
        FunctionId function, Bdf requester, Bdf target, int offset, Span<byte> destination)
    {
        if (outstanding.Begin(settings.Timeouts.Completion, null) is not { } transfer)
        {
            return RequestStatus.LinkDown;
        }

        fixed (byte* start = destination)
        {
            var batch = new TlpBatch(link);
            RequestStatus status = RequestStatus.Success;
            for (int done = 0; status == RequestStatus.Success && done < destination.Length; done += TlpLimits.Dw)
            {
                status = TakeTag(transfer, extendedTags: true, ref batch, out int tag);
                if (status == RequestStatus.Success)
                {
                    TlpHeader header = TlpHeader.ConfigurationRead(target, offset + done, TlpLimits.Dw, requester, tag);
                    outstanding.Add(transfer, header, start + done, done, TlpLimits.Dw);
                    status = Result(batch.Add(function, header, []));
                }
            }

            return Await(transfer, status == RequestStatus.Success ? Result(batch.Send()) : status, receives: true);
        }
    }

    /// <summary>Writes configuration space by a type 0 request inside one DW, and awaits the completion.</summary>
    /// <param name="offset">Bytes.</param>
    public RequestStatus WriteConfiguration(
        FunctionId function, Bdf requester, Bdf target, int offset, ReadOnlySpan<byte> source)
    {
        RequestStatus status = TryBegin(extendedTags: true, out Transfer? transfer, out int tag);
        return transfer is null
            ? status
            : Complete(
                transfer,
                function,
                TlpHeader.ConfigurationWrite(target, offset, source.Length, requester, tag),
                null,
                source);
    }

    /// <summary>Sends a message: posted.</summary>
    /// <returns>False if the link has ended.</returns>
    public bool SendMessage(FunctionId function, in TlpHeader message)
    {
        Span<byte> frame = stackalloc byte[TlpFrame.MaxLengthWithoutData];
        return link.SendFrames(frame[..TlpFrame.Encode(frame, function, message, [])]);
    }

    /// <summary>Waits for the requests of a transfer, and ends it.</summary>
    /// <param name="sent">Not a success if some requests could not be sent.</param>
    /// <param name="receives">
    /// Whether the calling thread may receive: this saves a context switch for a single completion. With several
    /// outstanding, let another thread receive while the caller asks for more.
    /// </param>
    public RequestStatus Await(Transfer transfer, RequestStatus sent, bool receives)
    {
        settings.OnWait(true);
        if (receives)
        {
            link.ReceiveUntilDone(transfer);
        }

        transfer.WaitForAll();
        settings.OnWait(false);
        RequestStatus status = outstanding.End(transfer);
        return sent == RequestStatus.Success ? status : sent;
    }

    private static bool Wraps(ulong address, int length) => length > 0 && address + (ulong)(length - 1) < address;

    private static RequestStatus Result(bool sent) => sent ? RequestStatus.Success : RequestStatus.LinkDown;

    private RequestStatus SendReads(
        Transfer transfer,
        FunctionId function,
        Bdf requester,
        ulong address,
        byte* destination,
        int length,
        int maxReadRequest,
        bool extendedTags)
    {
        var batch = new TlpBatch(link);
        foreach (RequestPiece piece in new RequestSplitter(address, length, maxReadRequest))
        {
            RequestStatus status = TakeTag(transfer, extendedTags, ref batch, out int tag);
            if (status != RequestStatus.Success)
            {
                return status;
            }

            TlpHeader header = TlpHeader.MemoryRead(piece.Address, piece.Length, requester, tag);
            outstanding.Add(transfer, header, destination + piece.Offset, (int)piece.Offset, piece.Length);
            if (!batch.Add(function, header, []))
            {
                return RequestStatus.LinkDown;
            }
        }

        return Result(batch.Send());
    }

    /// <summary>Takes a tag. If there is none, the requests that have one are sent before one is awaited.</summary>
    private RequestStatus TakeTag(Transfer transfer, bool extendedTags, ref TlpBatch batch, out int tag)
    {
        if (outstanding.TryTakeTag(extendedTags, out tag))
        {
            return RequestStatus.Success;
        }

        return !batch.Send()
            ? RequestStatus.LinkDown
            : outstanding.AwaitTag(transfer, extendedTags, out tag)
                ? RequestStatus.Success
                : RequestStatus.CompletionTimeout;
    }

    /// <summary>Begins a transfer of one request.</summary>
    /// <param name="transfer">Null if there is none.</param>
    private RequestStatus TryBegin(bool extendedTags, out Transfer? transfer, out int tag)
    {
        tag = 0;
        transfer = outstanding.Begin(settings.Timeouts.Completion, null);
        if (transfer is null)
        {
            return RequestStatus.LinkDown;
        }

        if (outstanding.AwaitTag(transfer, extendedTags, out tag))
        {
            return RequestStatus.Success;
        }

        outstanding.End(transfer);
        transfer = null;
        return RequestStatus.CompletionTimeout;
    }

    /// <summary>Sends the one request of a transfer, and awaits its completion.</summary>
    private RequestStatus Complete(
        Transfer transfer, FunctionId function, in TlpHeader header, byte* destination, ReadOnlySpan<byte> data)
    {
        outstanding.Add(transfer, header, destination, 0, header.ReadLength);
        Span<byte> frame = stackalloc byte[TlpFrame.MaxLengthWithoutData + TlpLimits.Dw];
        bool sent = link.SendFrames(frame[..TlpFrame.Encode(frame, function, header, data)]);
        return Await(transfer, Result(sent), receives: true);
    }
}
