using System.Numerics;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Sends requests over the link, cut as PCI Express wants them, and gathers their completions. May be used by any
/// thread but the one that receives.
/// </summary>
/// <remarks>
/// Reads of more than one request have several outstanding at once, each under a tag of its own. A request that is not
/// completed in time keeps its tag until its completion comes after all, or the link ends.
/// </remarks>
internal sealed unsafe class TlpRequester
{
    private const int BatchSize = 32 << 10;
    private const int MaxFrame = FrameHeader.Length + FrameHeader.MaxPayload;

    // A header without data.
    private const int SmallFrame = FrameHeader.Length + 16;

    [ThreadStatic]
    private static byte[]? s_batch;

    private readonly LinkConnection _link;
    private readonly ILogger _logger;
    private readonly TimeSpan _completionTimeout;
    private readonly TagPool _tags = new();
    private readonly Outstanding[] _outstanding;
    private readonly Stack<Transfer> _idle = new();
    private readonly Lock _lock = new();
    private long _timeouts;
    private uint _unasked;
    private long _unsupported;
    private long _aborted;
    private long _refused;
    private bool _failed;

    internal TlpRequester(LinkConnection link, ILogger logger, TimeSpan completionTimeout)
    {
        _completionTimeout = completionTimeout;
        _link = link;
        _logger = logger;
        _outstanding = new Outstanding[_tags.Capacity];
    }

    /// <summary>How many requests were not completed in time.</summary>
    public long Timeouts => Interlocked.Read(ref _timeouts);

    /// <summary>How many of our requests the other side did not support (UR).</summary>
    public long Unsupported => Interlocked.Read(ref _unsupported);

    /// <summary>How many of our requests the other side gave up (CA), or answered with data that is not to be used.</summary>
    public long Aborted => Interlocked.Read(ref _aborted);

    /// <summary>How many requests of the other side were refused, with UR or CA.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Whether all that somebody waits for has come; for the receiving thread, which takes it back.</summary>
    internal bool HasFinished { get; set; }

    private enum Kind
    {
        MemoryRead,
        IoRead,
        IoWrite,
        ConfigurationRead,
        ConfigurationWrite,
    }

    /// <summary>Memory read requests.</summary>
    /// <param name="function">The function that they are about.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="address">Bus address on the other side.</param>
    /// <param name="destination">Filled; with nothing in it, the read only pushes earlier writes (a flush).</param>
    /// <param name="maxReadRequest">Bytes of the largest request (MRRS).</param>
    /// <returns><see cref="RequestStatus.UnsupportedRequest"/> for an end beyond the last address too,
    /// or how the first of its requests failed.</returns>
    public RequestStatus ReadMemory(ushort function, Bdf requester, ulong address, Span<byte> destination, int maxReadRequest)
    {
        fixed (byte* start = destination)
        {
            if (destination.IsEmpty)
            {
                return Complete(Kind.MemoryRead, function, requester, default, address, null, 0, 0, 0);
            }

            return Wraps(address, destination.Length)
                ? RequestStatus.UnsupportedRequest
                : Begin() is { } transfer
                    ? Await(
                        transfer,
                        SendPieces(transfer, function, requester, address, start, destination.Length, maxReadRequest),
                        receives: true)
                    : RequestStatus.LinkDown;
        }
    }

    /// <summary>Sends memory read requests whose data is put where it belongs as it comes.</summary>
    /// <param name="function">The function that they are about.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="address">Bus address on the other side.</param>
    /// <param name="length">The most bytes; how many are read: no more than half of all tags can ask for, so that those
    /// of two reads are enough to keep the other side busy.</param>
    /// <param name="target">Takes the data; perhaps not all where there is an error.</param>
    /// <param name="maxReadRequest">Bytes of the largest request (MRRS).</param>
    public PendingRead BeginRead(
        ushort function, Bdf requester, ulong address, ref int length, IReadTarget target, int maxReadRequest)
    {
        length = Math.Min(length, _tags.Capacity / 2 * maxReadRequest);
        if (Wraps(address, length))
        {
            return PendingRead.Failed(RequestStatus.UnsupportedRequest);
        }

        return Begin(target) is { } transfer
            ? new PendingRead(
                this, transfer, SendPieces(transfer, function, requester, address, null, length, maxReadRequest))
            : PendingRead.Failed(RequestStatus.LinkDown);
    }

    /// <summary>Memory write requests: posted.</summary>
    /// <param name="function">The function that they are about.</param>
    /// <param name="requester">Who writes.</param>
    /// <param name="address">Bus address on the other side.</param>
    /// <param name="source">What to write.</param>
    /// <param name="maxPayload">Bytes of the largest request (MPS).</param>
    /// <returns><see cref="RequestStatus.Success"/>, <see cref="RequestStatus.UnsupportedRequest"/> for an end beyond the last address, or
    /// <see cref="RequestStatus.LinkDown"/>.</returns>
    public RequestStatus WriteMemory(
        ushort function, Bdf requester, ulong address, ReadOnlySpan<byte> source, int maxPayload)
    {
        if (Wraps(address, source.Length))
        {
            return RequestStatus.UnsupportedRequest;
        }

        byte[] batch = s_batch ??= GC.AllocateUninitializedArray<byte>(BatchSize + MaxFrame);
        int length = 0;
        foreach (RequestPiece piece in new RequestSplitter(address, source.Length, maxPayload))
        {
            TlpHeader header = TlpHeader.MemoryWrite(piece.Address, piece.Length, requester);
            length += LayOut(batch.AsSpan(length), function, header, source.Slice((int)piece.Offset, piece.Length));
            if (length >= BatchSize && Send(batch, ref length) != RequestStatus.Success)
            {
                return RequestStatus.LinkDown;
            }
        }

        return Send(batch, ref length);
    }

    /// <summary>An I/O read request of at most 4 bytes in one DW.</summary>
    public RequestStatus ReadIo(ushort function, Bdf requester, uint address, Span<byte> destination)
    {
        // The completion has the whole DW, whose four bytes are at &value.
        uint value = 0;
        RequestStatus error = Complete(
            Kind.IoRead, function, requester, default, address, (byte*)&value, destination.Length, 0, 0);
        if (error == RequestStatus.Success)
        {
            new ReadOnlySpan<byte>((byte*)&value + (address % TlpLimits.Dw), destination.Length).CopyTo(destination);
        }

        return error;
    }

    /// <summary>An I/O write request of at most 4 bytes in one DW; returns once it is completed.</summary>
    public RequestStatus WriteIo(ushort function, Bdf requester, uint address, ReadOnlySpan<byte> source)
    {
        uint value = 0;
        source.CopyTo(new Span<byte>(&value, sizeof(uint)));
        return Complete(Kind.IoWrite, function, requester, default, address, null, 0, source.Length, value);
    }

    /// <summary>Type 0 configuration read requests, of one DW each; the other side has several at once.</summary>
    /// <param name="function">The function that they are about.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="target">Bus, device and function.</param>
    /// <param name="offset">Bytes, a multiple of 4.</param>
    /// <param name="destination">A multiple of 4 bytes, 4096 at most. All of them have one time limit.</param>
    public RequestStatus ReadConfiguration(ushort function, Bdf requester, Bdf target, int offset, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            return destination.Length == TlpLimits.Dw
                ? Complete(Kind.ConfigurationRead, function, requester, target, (ulong)offset, start, TlpLimits.Dw, 0, 0)
                : ReadDwords(function, requester, target, offset, start, destination.Length);
        }
    }

    /// <summary>A type 0 configuration write request inside one DW; returns once it is completed.</summary>
    /// <param name="function">The function that it is about.</param>
    /// <param name="requester">Who writes.</param>
    /// <param name="target">Bus, device and function.</param>
    /// <param name="offset">Bytes.</param>
    /// <param name="source">At most as many bytes as are left in the DW.</param>
    public RequestStatus WriteConfiguration(
        ushort function, Bdf requester, Bdf target, int offset, ReadOnlySpan<byte> source)
    {
        uint value = 0;
        source.CopyTo(new Span<byte>(&value, sizeof(uint)));
        return Complete(
            Kind.ConfigurationWrite, function, requester, target, (ulong)offset, null, 0, source.Length, value);
    }

    /// <summary>Sends a message: posted.</summary>
    public bool SendMessage(ushort function, in TlpHeader message)
    {
        Span<byte> frame = stackalloc byte[SmallFrame];
        return _link.SendFrames(frame[..LayOut(frame, function, message, [])]);
    }

    /// <summary>Answers a request without data, or that it cannot be served.</summary>
    public bool SendCompletion(ushort function, in TlpHeader request, Bdf completer, CompletionStatus status)
    {
        if (status != CompletionStatus.SuccessfulCompletion)
        {
            Interlocked.Increment(ref _refused);
        }

        TlpHeader header = TlpHeader.Completion(request, completer, status);
        Span<byte> deferred = _link.PlaceDeferred(SmallFrame);
        if (!deferred.IsEmpty)
        {
            return _link.Defer(LayOut(deferred, function, header, []));
        }

        Span<byte> frame = stackalloc byte[SmallFrame];
        return _link.SendFrames(frame[..LayOut(frame, function, header, [])]);
    }

    /// <summary>Answers a read.</summary>
    /// <param name="function">The function that it was about.</param>
    /// <param name="request">The read.</param>
    /// <param name="completer">Who answers.</param>
    /// <param name="data">Its <see cref="TlpHeader.ReadLength"/> bytes.</param>
    /// <param name="readCompletionBoundary">RCB in bytes.</param>
    /// <param name="maxPayload">MPS in bytes.</param>
    public bool SendData(
        ushort function,
        in TlpHeader request,
        Bdf completer,
        ReadOnlySpan<byte> data,
        int readCompletionBoundary,
        int maxPayload)
    {
        byte[] batch = s_batch ??= GC.AllocateUninitializedArray<byte>(BatchSize + MaxFrame);
        int batched = 0;
        bool sent = true;
        foreach (CompletionPiece piece in new CompletionSplitter(request, completer, readCompletionBoundary, maxPayload))
        {
            ReadOnlySpan<byte> part = data.Slice(piece.Offset, piece.Length);
            Span<byte> deferred = _link.PlaceDeferred(MaxFrame);
            if (!deferred.IsEmpty)
            {
                sent = _link.Defer(LayOut(deferred, function, piece.Header, part));
                continue;
            }

            batched += LayOut(batch.AsSpan(batched), function, piece.Header, part);
            if (batched >= BatchSize && Send(batch, ref batched) != RequestStatus.Success)
            {
                return false;
            }
        }

        return sent && Send(batch, ref batched) == RequestStatus.Success;
    }

    /// <summary>Begins to answer a read with one completion, which goes out if its holder still allows it then.</summary>
    /// <param name="function">The function that it was about.</param>
    /// <param name="request">The read, not one of nothing (a flush).</param>
    /// <param name="completer">Who answers.</param>
    /// <param name="maxPayload">MPS in bytes.</param>
    /// <param name="holder">Who allows it.</param>
    /// <param name="length">For <see cref="Hold"/>.</param>
    /// <returns>Where its <see cref="TlpHeader.ReadLength"/> bytes go; empty where it takes more than one completion, and
    /// for all threads but the receiving one.</returns>
    public Span<byte> PlaceData(
        ushort function, in TlpHeader request, Bdf completer, int maxPayload, IReadHolder holder, out int length)
    {
        length = 0;
        int start = request.CompletionLowerAddress % TlpLimits.Dw;
        if (request.CompletionByteCount > maxPayload - start)
        {
            return [];
        }

        Span<byte> frame = _link.PlaceHeld(MaxFrame, holder);
        if (frame.IsEmpty)
        {
            return [];
        }

        TlpHeader header = TlpHeader.CompletionData(request, completer);
        length = FrameHeader.Length + header.HeaderLength + header.PayloadLength;
        new FrameHeader((uint)(length - FrameHeader.Length), FrameKind.Tlp, function).Write(frame);
        header.Encode(frame[FrameHeader.Length..]);
        Span<byte> payload = frame[(FrameHeader.Length + header.HeaderLength)..length];
        payload[..start].Clear();
        payload[(start + request.ReadLength)..].Clear();
        return payload.Slice(start, request.ReadLength);
    }

    /// <summary>The data is where <see cref="PlaceData"/> said.</summary>
    public void Hold(in TlpHeader request, int length) => _link.Hold(request, length);

    /// <summary>Takes a completion that has come. For the receiving thread.</summary>
    /// <returns>Why the link cannot go on, or null.</returns>
    internal string? Complete(in TlpHeader completion, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            if (completion.Tag >= _outstanding.Length || !_tags.IsInUse(completion.Tag))
            {
                // Not each: whoever sends one may send millions.
                if (BitOperations.IsPow2(++_unasked))
                {
                    _logger.LogWarning(
                        "a completion came for tag {Tag}, under which nothing was asked ({Count} so far)", completion.Tag, _unasked);
                }

                return null;
            }

            ref Outstanding entry = ref _outstanding[completion.Tag];
            Transfer? transfer = entry.Transfer;

            CompletionResult result = entry.Assembler.Accept(completion, payload, out int offset, out ReadOnlySpan<byte> data);
            if (transfer is not null && !data.IsEmpty)
            {
                // The waiting thread takes the lock before it leaves.
                if (transfer.Target is { } target)
                {
                    target.Put(entry.Offset + offset, data);
                }
                else
                {
                    // In bounds: that thread gave Length bytes there.
                    data.CopyTo(new Span<byte>(entry.Destination, entry.Length)[offset..]);
                }
            }

            switch (result)
            {
                case CompletionResult.InProgress:
                    return null;
                case CompletionResult.Unexpected:
                case CompletionResult.AttributesMismatch:
                case CompletionResult.KindMismatch:
                case CompletionResult.ByteCountMismatch:
                case CompletionResult.LowerAddressMismatch:
                case CompletionResult.Overrun:
                    return $"a completion does not match its request ({result})";
                default:
                    entry.Transfer = null;
                    _tags.Release(completion.Tag);
                    HasFinished |= transfer?.Finish(Count(result)) ?? false;
                    return null;
            }
        }
    }

    /// <summary>Fails what is outstanding: the link has ended.</summary>
    internal void FailAll()
    {
        lock (_lock)
        {
            _failed = true;
            foreach (ref Outstanding entry in _outstanding.AsSpan())
            {
                entry.Transfer?.Finish(RequestStatus.LinkDown);
                entry.Transfer = null;
            }
        }
    }

    /// <summary>Waits for the requests of a transfer, of which more could not be sent if there is an error.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="sent">The error.</param>
    /// <param name="receives">Whether the calling thread may receive them itself, which takes a change of threads less for
    /// one answer. With many it is better done by another while the caller asks for more.</param>
    internal RequestStatus Await(Transfer transfer, RequestStatus sent, bool receives)
    {
        ReceiveProgress.ThreadWaits(true);
        if (receives)
        {
            _link.ReceiveUntilDone(transfer);
        }

        bool done = transfer.WaitForAll();
        ReceiveProgress.ThreadWaits(false);
        lock (_lock)
        {
            if (!done)
            {
                // What comes later finds no transfer, and only gives back its tag.
                foreach (ref Outstanding entry in _outstanding.AsSpan())
                {
                    if (entry.Transfer == transfer)
                    {
                        entry.Transfer = null;
                        transfer.Finish(RequestStatus.CompletionTimeout);
                        Interlocked.Increment(ref _timeouts);
                    }
                }
            }

            RequestStatus error = sent == RequestStatus.Success ? transfer.Error : sent;
            _idle.Push(transfer);
            return error;
        }
    }

    private RequestStatus Count(CompletionResult result)
    {
        switch (result)
        {
            case CompletionResult.Done:
                return RequestStatus.Success;
            case CompletionResult.UnsupportedRequest or CompletionResult.RetryStatus:
                Interlocked.Increment(ref _unsupported);
                return RequestStatus.UnsupportedRequest;
            case CompletionResult.Poisoned:
                Interlocked.Increment(ref _aborted);
                return RequestStatus.Poisoned;
            default:
                Interlocked.Increment(ref _aborted);
                return RequestStatus.CompleterAbort;
        }
    }

    private static bool Wraps(ulong address, int length) => length > 0 && address + (ulong)(length - 1) < address;

    private static int LayOut(Span<byte> frame, ushort function, in TlpHeader header, ReadOnlySpan<byte> data)
    {
        Span<byte> tlp = frame[FrameHeader.Length..];
        int length = header.Encode(tlp);
        if (header.HasPayload)
        {
            length += TlpPayload.Pack(header, data, tlp[length..]);
        }

        new FrameHeader((uint)length, FrameKind.Tlp, function).Write(frame);
        return FrameHeader.Length + length;
    }

    private RequestStatus Send(byte[] batch, ref int length)
    {
        bool sent = length == 0 || _link.SendFrames(batch.AsSpan(0, length));
        length = 0;
        return sent ? RequestStatus.Success : RequestStatus.LinkDown;
    }

    private RequestStatus SendPieces(
        Transfer transfer,
        ushort function,
        Bdf requester,
        ulong address,
        byte* destination,
        int length,
        int maxReadRequest)
    {
        RequestStatus error = RequestStatus.Success;
        byte[] batch = s_batch ??= GC.AllocateUninitializedArray<byte>(BatchSize + MaxFrame);
        int batched = 0;
        foreach (RequestPiece piece in new RequestSplitter(address, length, maxReadRequest))
        {
            if (!_tags.TryAllocate(out int tag))
            {
                // Those that have tags are asked before one of them is waited for.
                error = Send(batch, ref batched);
                error = error == RequestStatus.Success ? TakeTag(transfer, out tag) : error;
                if (error != RequestStatus.Success)
                {
                    break;
                }
            }

            TlpHeader header = TlpHeader.MemoryRead(piece.Address, piece.Length, requester, tag);
            Register(transfer, tag, header, destination + piece.Offset, (int)piece.Offset, piece.Length);
            batched += LayOut(batch.AsSpan(batched), function, header, []);
            if (batched >= BatchSize)
            {
                error = Send(batch, ref batched);
            }

            if (error != RequestStatus.Success)
            {
                break;
            }
        }

        return error == RequestStatus.Success ? Send(batch, ref batched) : error;
    }

    private RequestStatus ReadDwords(ushort function, Bdf requester, Bdf target, int offset, byte* destination, int length)
    {
        Transfer? transfer = Begin();
        if (transfer is null)
        {
            return RequestStatus.LinkDown;
        }

        // All of a configuration space are requests for less than a batch.
        RequestStatus error = RequestStatus.Success;
        byte[] batch = s_batch ??= GC.AllocateUninitializedArray<byte>(BatchSize + MaxFrame);
        int batched = 0;
        for (int done = 0; done < length; done += TlpLimits.Dw)
        {
            if (!_tags.TryAllocate(out int tag))
            {
                error = Send(batch, ref batched);
                error = error == RequestStatus.Success ? TakeTag(transfer, out tag) : error;
                if (error != RequestStatus.Success)
                {
                    break;
                }
            }

            TlpHeader header = TlpHeader.ConfigurationRead(target, offset + done, TlpLimits.Dw, requester, tag);
            Register(transfer, tag, header, destination + done, done, TlpLimits.Dw);
            batched += LayOut(batch.AsSpan(batched), function, header, []);
        }

        return Await(transfer, error == RequestStatus.Success ? Send(batch, ref batched) : error, receives: true);
    }

    private RequestStatus Complete(
        Kind kind,
        ushort function,
        Bdf requester,
        Bdf target,
        ulong address,
        byte* destination,
        int readLength,
        int writeLength,
        uint value)
    {
        Transfer? transfer = Begin();
        if (transfer is null)
        {
            return RequestStatus.LinkDown;
        }

        RequestStatus error = TakeTag(transfer, out int tag);
        if (error == RequestStatus.Success)
        {
            TlpHeader header = kind switch
            {
                Kind.IoRead => TlpHeader.IoRead((uint)address, readLength, requester, tag),
                Kind.IoWrite => TlpHeader.IoWrite((uint)address, writeLength, requester, tag),
                Kind.ConfigurationRead =>
                    TlpHeader.ConfigurationRead(target, (int)address, readLength, requester, tag),
                Kind.ConfigurationWrite =>
                    TlpHeader.ConfigurationWrite(target, (int)address, writeLength, requester, tag),
                _ => TlpHeader.MemoryRead(address, readLength, requester, tag),
            };
            Register(transfer, tag, header, destination, 0, header.ReadLength);
            Span<byte> frame = stackalloc byte[FrameHeader.Length + 16 + sizeof(uint)];
            var data = new ReadOnlySpan<byte>(&value, writeLength);
            if (!_link.SendFrames(frame[..LayOut(frame, function, header, data)]))
            {
                error = RequestStatus.LinkDown;
            }
        }

        return Await(transfer, error, receives: true);
    }

    private Transfer? Begin(IReadTarget? target = null)
    {
        lock (_lock)
        {
            if (_failed)
            {
                return null;
            }

            if (!_idle.TryPop(out Transfer? transfer))
            {
                transfer = new Transfer();
            }

            transfer.Begin(_completionTimeout, target);
            return transfer;
        }
    }

    /// <summary>
    /// Takes a free tag; where there is none, waits until half of the transfer's own requests are done, so that the next
    /// ones go out together, too.
    /// </summary>
    private RequestStatus TakeTag(Transfer transfer, out int tag)
    {
        while (!_tags.TryAllocate(out tag))
        {
            if (transfer.TimeLeft == 0)
            {
                return RequestStatus.CompletionTimeout;
            }

            transfer.WaitForHalf();
        }

        return RequestStatus.Success;
    }

    private void Register(
        Transfer transfer, int tag, in TlpHeader header, byte* destination, int offset, int length)
    {
        lock (_lock)
        {
            transfer.Add();
            _outstanding[tag] = new Outstanding
            {
                Transfer = transfer,
                Destination = destination,
                Offset = offset,
                Length = length,
                Assembler = new CompletionAssembler(header),
            };
            if (_failed)
            {
                _outstanding[tag].Transfer = null;
                transfer.Finish(RequestStatus.LinkDown);
            }
        }
    }

    private struct Outstanding
    {
        public Transfer? Transfer;

        // Where the data goes, for a transfer without a target, and where in the whole that is.
        public byte* Destination;
        public int Offset;
        public int Length;
        public CompletionAssembler Assembler;
    }

    /// <summary>The requests that one caller waits for. Its own lock is the inner one.</summary>
    internal sealed class Transfer
    {
        /// <summary>How often whoever waits looks again, giving the core to whoever has to answer: that costs less than to sleep
        /// and be woken.</summary>
        public const int Yields = 140;

        private long _end;
        private int _pending;

        // Whoever waits is woken when no more are pending.
        private int _awaited;
        private RequestStatus _error;

        /// <summary>How the first request failed that did.</summary>
        public RequestStatus Error => _error;

        /// <summary>Milliseconds until the time is up, for all requests together.</summary>
        public int TimeLeft => (int)Math.Max(_end - Environment.TickCount64, 0);

        /// <summary>Whether no request is pending.</summary>
        public bool IsDone => Volatile.Read(ref _pending) <= 0;

        /// <summary>Takes the data, if each request has no place for it.</summary>
        public IReadTarget? Target { get; private set; }

        public void Begin(TimeSpan limit, IReadTarget? target)
        {
            Target = target;
            _pending = 0;
            _end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
            _error = RequestStatus.Success;
        }

        /// <summary>One more request.</summary>
        public void Add()
        {
            lock (this)
            {
                _pending++;
            }
        }

        /// <summary>One request is done.</summary>
        /// <returns>Whether it was the last.</returns>
        public bool Finish(RequestStatus error)
        {
            lock (this)
            {
                if (_error == RequestStatus.Success)
                {
                    _error = error;
                }

                Volatile.Write(ref _pending, _pending - 1);
                if (_pending <= _awaited)
                {
                    Monitor.Pulse(this);
                }

                return _pending == 0;
            }
        }

        /// <summary>Waits until half of the requests are done, or for a millisecond: others may give tags back, too.</summary>
        public void WaitForHalf()
        {
            lock (this)
            {
                _awaited = _pending / 2;
                Monitor.Wait(this, 1);
                _awaited = 0;
            }
        }

        /// <summary>Waits until all are done.</summary>
        /// <returns>False where the time was up.</returns>
        public bool WaitForAll()
        {
            var spin = new SpinWait();
            while (!IsDone && spin.Count < Yields)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }

            lock (this)
            {
                while (_pending > 0)
                {
                    if (TimeLeft is var left && (left == 0 || !Monitor.Wait(this, left)))
                    {
                        return _pending <= 0;
                    }
                }

                return true;
            }
        }
    }
}
