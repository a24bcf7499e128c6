using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Link;

/// <summary>
/// One end of the link while it is connected: frames out, frames in. <see cref="Run"/> receives on the thread that
/// calls it; everything else may be called by any thread.
/// </summary>
/// <remarks>
/// A thread that waits for one completion receives itself meanwhile, in place of the one in <see cref="Run"/>, which
/// would only have to wake it. "The receiving thread" is whichever holds the lock for that.
/// </remarks>
internal sealed class LinkConnection : IDisposable
{
    private const int TokenSize = 4;
    private const int MaxDeferred = 128 << 10;
    private const int MaxHeld = 256;

    // So that one batch can be sent while another is received.
    private const int SendBuffer = 2 * MaxDeferred;

    private readonly UnixSocket _socket;
    private readonly MessageReceiver _receiver;
    private readonly FrameSender _sender;
    private readonly ILinkHandler _handler;
    private readonly ILogger _logger;
    private readonly TimeSpan _acknowledgeTimeout;

    // Whoever shuts the socket down holds the lock, so that it is still open.
    private readonly Lock _socketLock = new();
    private readonly Lock _acknowledgeLock = new();
    private readonly Dictionary<uint, ManualResetEventSlim> _unacknowledged = [];
    private uint _lastToken;
    private volatile bool _down;
    private bool _closed;
    private bool _refusedByOther;

    // Held by whoever receives and deals with what comes. The thread in Run lets go of it while it waits.
    private readonly Lock _receiving = new();
    private readonly SocketWait _wait;
    private bool _ended;

    // Of the receiving thread: answers that go out together.
    private readonly byte[] _deferred = GC.AllocateUninitializedArray<byte>(MaxDeferred);
    private int _deferredLength;

    // Completions at the end of it that their holder still has to allow, and what they answer.
    private readonly TlpHeader[] _held = new TlpHeader[MaxHeld];
    private int _heldCount;
    private int _heldLength;
    private IReadHolder? _holder;

    private LinkConnection(
        UnixSocket socket,
        MessageReceiver receiver,
        ILinkHandler handler,
        LinkCapabilities capabilities,
        ILogger logger,
        LinkTimeouts timeouts)
    {
        _socket = socket;
        _receiver = receiver;
        _handler = handler;
        _logger = logger;
        Capabilities = capabilities;
        _acknowledgeTimeout = timeouts.Acknowledge;
        _wait = new SocketWait(socket);
        _sender = new FrameSender(socket, timeouts.Room);
        Requester = new TlpRequester(this, logger, timeouts.Completion);
    }

    /// <summary>What both sides offer.</summary>
    public LinkCapabilities Capabilities { get; }

    /// <summary>Sends requests and awaits their completions.</summary>
    public TlpRequester Requester { get; }

    /// <summary>Exchanges hellos over a socket that has just been connected; takes it over.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="role">Which end this is.</param>
    /// <param name="capabilities">What this end offers.</param>
    /// <param name="handler">Gets what arrives.</param>
    /// <param name="logger">Told why a link is refused or ends.</param>
    /// <param name="timeouts">How long to wait for the other side; null for the usual.</param>
    /// <param name="refusals">Told instead of <paramref name="logger"/> why a link is refused.</param>
    /// <param name="stop">Ends the wait for the other side's hello.</param>
    /// <returns>Null where the other side is not to be spoken to; both sides have been told why.</returns>
    public static LinkConnection? Open(
        UnixSocket socket,
        LinkRole role,
        LinkCapabilities capabilities,
        ILinkHandler handler,
        ILogger logger,
        LinkTimeouts? timeouts = null,
        RefusalLog? refusals = null,
        CancellationToken stop = default)
    {
        timeouts ??= LinkTimeouts.Default;
        using CancellationTokenRegistration stopping = stop.Register(socket.Shutdown);
        var receiver = new MessageReceiver(socket, FrameHeader.Length + FrameHeader.MaxPayload);
        string? refusal;
        LinkHello other = default;
        socket.SetSendTimeout(timeouts.Send);
        socket.SetSendBuffer(SendBuffer);
        Span<byte> hello = stackalloc byte[FrameHeader.Length + LinkHello.Length];
        new FrameHeader(LinkHello.Length, FrameKind.Hello, 0).Write(hello);
        new LinkHello(LinkHello.OurMajor, LinkHello.OurMinor, role, capabilities).Write(hello[FrameHeader.Length..]);
        if (socket.Send(hello) != Errno.None)
        {
            refusal = "the other side hung up";
        }
        else
        {
            refusal = ReceiveHello(socket, receiver, role, timeouts.Hello, out other, out bool refused);
            if (refusal is not null && !refused)
            {
                _ = socket.TrySend(Refusal(refusal), [], out _);
            }
        }

        if (refusal is not null)
        {
            (refusals ?? new RefusalLog(logger)).Refused(refusal);
            receiver.Dispose();
            stopping.Dispose();
            socket.Dispose();
            return null;
        }

        refusals?.Accepted();
        socket.SetReceiveTimeout(TimeSpan.Zero);
        try
        {
            return new LinkConnection(socket, receiver, handler, capabilities & other.Capabilities, logger, timeouts);
        }
        catch (LinuxException)
        {
            // No descriptor is free; the other side must not wait for us.
            receiver.Dispose();
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Receives until the link ends, however that comes.</summary>
    public void Run()
    {
        ReceiveUntilEnd();
        Requester.FailAll();
        lock (_acknowledgeLock)
        {
            foreach (ManualResetEventSlim waiter in _unacknowledged.Values)
            {
                waiter.Set();
            }
        }

        LogFailures();
    }

    /// <summary>Ends the link; <see cref="Run"/> returns.</summary>
    public void Shutdown()
    {
        _down = true;
        lock (_socketLock)
        {
            if (!_closed)
            {
                _socket.Shutdown();
            }
        }
    }

    /// <summary>Sends a control frame.</summary>
    /// <returns>False where the link has ended.</returns>
    public bool SendControl(FrameKind kind, ushort function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor = null)
    {
        Span<byte> frame = stackalloc byte[FrameHeader.Length + payload.Length];
        new FrameHeader((uint)payload.Length, kind, function).Write(frame);
        payload.CopyTo(frame[FrameHeader.Length..]);
        SendDeferred();
        return !_down && (descriptor is null ? SendFrames(frame) : _sender.Send(frame, descriptor));
    }

    /// <summary>Sends a control frame with a descriptor if that can be done at once, so that any thread may call it.</summary>
    /// <returns>Whether it was sent.</returns>
    public bool TrySendControl(FrameKind kind, ushort function, ReadOnlySpan<byte> payload, FileDescriptor descriptor)
    {
        Span<byte> frame = stackalloc byte[FrameHeader.Length + payload.Length];
        new FrameHeader((uint)payload.Length, kind, function).Write(frame);
        payload.CopyTo(frame[FrameHeader.Length..]);
        return !_down && _sender.TrySend(frame, descriptor);
    }

    /// <summary>
    /// Sends a control frame whose payload starts with 4 bytes for a token, and waits for its acknowledgement. An order
    /// that is not acknowledged in time ends the link, since nobody knows then what the other side still does.
    /// </summary>
    /// <returns>False where the link has ended, so that the other side holds nothing of ours any more, or will not once
    /// it notices.</returns>
    public bool Order(FrameKind kind, ushort function, Span<byte> payload)
    {
        if (IsReceivingThread)
        {
            throw new InvalidOperationException($"{kind}: the thread that receives cannot wait for the acknowledgement");
        }

        using var waiter = new ManualResetEventSlim();
        uint token;
        lock (_acknowledgeLock)
        {
            token = ++_lastToken;
            _unacknowledged.Add(token, waiter);
        }

        try
        {
            BitConverter.TryWriteBytes(payload, token);
            if (!SendControl(kind, function, payload))
            {
                return false;
            }

            ReceiveProgress.ThreadWaits(true);
            bool acknowledged = waiter.Wait(_acknowledgeTimeout);
            ReceiveProgress.ThreadWaits(false);
            if (!acknowledged)
            {
                _logger.LogError(
                    "link ended: {Kind} of function {Function} was not acknowledged within {Limit}",
                    kind,
                    function,
                    _acknowledgeTimeout);
                Shutdown();
            }

            return !_down;
        }
        finally
        {
            lock (_acknowledgeLock)
            {
                _unacknowledged.Remove(token);
            }
        }
    }

    /// <summary>Acknowledges an order, given its payload.</summary>
    public void Acknowledge(ReadOnlySpan<byte> order) => SendControl(FrameKind.Acknowledge, 0, order[..TokenSize]);

    /// <inheritdoc/>
    public void Dispose()
    {
        Shutdown();
        _sender.Dispose();
        lock (_receiving)
        {
            _ended = true;
            _receiver.Dispose();
            _wait.Dispose();
        }

        lock (_socketLock)
        {
            _closed = true;
            _socket.Dispose();
        }
    }

    /// <summary>
    /// Receives until the requests of a transfer are done, their time is up, or the link has ended; not at all where
    /// another thread is receiving. For a thread that could only wait otherwise.
    /// </summary>
    internal void ReceiveUntilDone(TlpRequester.Transfer transfer)
    {
        if (!_receiving.TryEnter())
        {
            return;
        }

        try
        {
            if (_ended)
            {
                return;
            }

            _wait.Suspend();
            var spin = new SpinWait();
            while (ReceiveAll(transfer) && !transfer.IsDone && transfer.TimeLeft is > 0 and int left)
            {
                if (spin.Count < TlpRequester.Transfer.Yields)
                {
                    spin.SpinOnce(sleep1Threshold: -1);
                }
                else
                {
                    _socket.WaitReadable(left);
                }
            }

            _wait.Resume();
        }
        finally
        {
            _receiving.Exit();
        }
    }

    /// <summary>Sends whole frames that the caller has laid out.</summary>
    internal bool SendFrames(ReadOnlySpan<byte> frames)
    {
        SendDeferred();
        return !_down && _sender.Send(frames, mayWait: !IsReceivingThread);
    }

    /// <summary>
    /// Where the receiving thread lays out a frame with a completion, which goes out with the next ones before that thread
    /// waits for more to answer or sends anything else. That others pass it meanwhile is right: a completion never has to
    /// stay before what is posted or asked later (section 2.4.1).
    /// </summary>
    /// <param name="size">Bytes that the frame takes at the most.</param>
    /// <returns>Empty for any other thread.</returns>
    internal Span<byte> PlaceDeferred(int size)
    {
        if (!IsReceivingThread)
        {
            return [];
        }

        Settle();
        if (_deferredLength + size > _deferred.Length)
        {
            SendDeferred();
        }

        return _deferred.AsSpan(_deferredLength);
    }

    /// <summary>The same for a completion that goes out if <paramref name="holder"/> still allows it then.</summary>
    internal Span<byte> PlaceHeld(int size, IReadHolder holder)
    {
        if (!IsReceivingThread)
        {
            return [];
        }

        if (_holder != holder || _heldCount == _held.Length)
        {
            Settle();
            _holder = holder;
        }

        if (_deferredLength + size > _deferred.Length)
        {
            SendDeferred();
        }

        return _deferred.AsSpan(_deferredLength);
    }

    /// <summary>A frame has been laid out where <see cref="PlaceHeld"/> said.</summary>
    internal void Hold(in TlpHeader request, int length)
    {
        _held[_heldCount++] = request;
        _heldLength += length;
        _deferredLength += length;
    }

    /// <summary>A frame has been laid out where <see cref="PlaceDeferred"/> said.</summary>
    internal bool Defer(int length)
    {
        _deferredLength += length;
        return !_down;
    }

    private bool IsReceivingThread => _receiving.IsHeldByCurrentThread;

    /// <summary>Sends what the receiving thread, if this is the one, has still to send.</summary>
    private void SendDeferred()
    {
        if (_deferredLength > 0 && IsReceivingThread)
        {
            Settle();
            int length = _deferredLength;
            _deferredLength = 0;
            _ = length > 0 && !_down && _sender.Send(_deferred.AsSpan(0, length), mayWait: false);
        }
    }

    /// <summary>Asks whether what is held may go out, and drops it if not.</summary>
    private void Settle()
    {
        if (_heldCount == 0)
        {
            return;
        }

        int count = _heldCount;
        int length = _heldLength;
        _heldCount = _heldLength = 0;
        if (_holder!.MayAnswer())
        {
            return;
        }

        _deferredLength -= length;
        for (int i = 0; i < count; i++)
        {
            _holder.AnswerLater(_held[i]);
        }
    }

    private static bool TryTake(
        MessageReceiver receiver, out FrameHeader frame, out ReadOnlySpan<byte> payload, out string? fault)
    {
        frame = default;
        payload = default;
        fault = null;
        ReadOnlySpan<byte> available = receiver.Available;
        if (available.Length < FrameHeader.Length)
        {
            return false;
        }

        frame = FrameHeader.Read(available);
        if (frame.PayloadLength > FrameHeader.MaxPayload)
        {
            fault = $"a frame of {frame.PayloadLength} bytes was announced, more than {FrameHeader.MaxPayload}";
            return false;
        }

        int size = FrameHeader.Length + (int)frame.PayloadLength;
        if (available.Length < size)
        {
            return false;
        }

        payload = available[FrameHeader.Length..size];
        receiver.Consume(size);
        return true;
    }

    private void LogFailures()
    {
        if (Requester.Timeouts + Requester.Unsupported + Requester.Aborted + Requester.Refused > 0)
        {
            _logger.LogWarning(
                "requests to the other side: {Timeouts} not completed in time, {Unsupported} not supported (UR), "
                    + "{Aborted} aborted (CA); of the other side's, {Refused} refused",
                Requester.Timeouts,
                Requester.Unsupported,
                Requester.Aborted,
                Requester.Refused);
        }
    }

    private static string? ReceiveHello(
        UnixSocket socket,
        MessageReceiver receiver,
        LinkRole role,
        TimeSpan limit,
        out LinkHello hello,
        out bool refused)
    {
        hello = default;
        refused = false;
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        while (true)
        {
            // The limit is for all of it, not for each byte; 0 would be no limit.
            long left = end - Environment.TickCount64;
            if (left <= 0)
            {
                break;
            }

            socket.SetReceiveTimeout(TimeSpan.FromMilliseconds(left));
            if (!receiver.Receive(FrameHeader.Missing(receiver.Available)))
            {
                break;
            }

            if (TryTake(receiver, out FrameHeader frame, out ReadOnlySpan<byte> payload, out string? fault))
            {
                receiver.CloseDescriptors();
                refused = frame.Kind == FrameKind.Refuse;
                return frame.Kind switch
                {
                    FrameKind.Hello => LinkHello.Refusal(payload, role, out hello),
                    FrameKind.Refuse => "by the other side: " + System.Text.Encoding.UTF8.GetString(payload),
                    _ => "it did not start with a hello",
                };
            }

            if (fault is not null)
            {
                return fault;
            }
        }

        return "no hello came from the other side";
    }

    private static byte[] Refusal(string reason)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes(reason);
        byte[] frame = new byte[FrameHeader.Length + text.Length];
        new FrameHeader((uint)text.Length, FrameKind.Refuse, 0).Write(frame);
        text.CopyTo(frame.AsSpan(FrameHeader.Length));
        return frame;
    }

    /// <summary>Receives until the link ends.</summary>
    private void ReceiveUntilEnd()
    {
        while (true)
        {
            lock (_receiving)
            {
                if (!ReceiveAll(null))
                {
                    return;
                }
            }

            _wait.Wait();
        }
    }

    /// <summary>Receives what has come, and deals with it. The lock is held.</summary>
    /// <param name="transfer">What is left once it is done is for another thread; null to go on.</param>
    /// <returns>False where the link has ended.</returns>
    private bool ReceiveAll(TlpRequester.Transfer? transfer)
    {
        while (!_ended)
        {
            // The first may have come together with the hello.
            string? fault = HandleAll(transfer);
            SendDeferred();
            if (fault is not null)
            {
                End(fault);
            }
            else if (transfer is { IsDone: true })
            {
                return true;
            }
            else if (!_receiver.TryReceive(FrameHeader.Missing(_receiver.Available)))
            {
                if (_receiver.Error == Errno.EAGAIN)
                {
                    return true;
                }

                End(null);
            }
        }

        return false;
    }

    /// <summary>Ends the link, of which the thread in <see cref="Run"/> learns thereby. The lock is held.</summary>
    /// <param name="fault">Why it cannot go on; null where the other side hung up.</param>
    private void End(string? fault)
    {
        _ended = true;
        if (fault is not null)
        {
            _logger.LogError("link ended: {Reason}", fault);
            if (!_refusedByOther)
            {
                _sender.Send(Refusal(fault), mayWait: false);
            }
        }

        Shutdown();
    }

    /// <summary>Deals with the frames that have been received.</summary>
    /// <returns>Why the link cannot go on, or null.</returns>
    private string? HandleAll(TlpRequester.Transfer? transfer)
    {
        string? fault;
        while (TryTake(_receiver, out FrameHeader frame, out ReadOnlySpan<byte> payload, out fault))
        {
            try
            {
                fault = Handle(frame, payload);
            }
            catch (LinuxException error)
            {
                // Descriptors or memory have run out.
                fault = error.Message;
            }

            _receiver.CloseDescriptors();
            if (fault is not null)
            {
                break;
            }

            if (Requester.HasFinished)
            {
                Requester.HasFinished = false;
                if (!_receiver.Available.IsEmpty && transfer is not { IsDone: true })
                {
                    // Whoever waited for it may want this core, to ask for more while we take what has come.
                    Thread.Yield();
                }
            }
        }

        return fault;
    }

    /// <summary>Deals with a frame.</summary>
    /// <returns>Why the link cannot go on, or null.</returns>
    private string? Handle(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        switch (frame.Kind)
        {
            case FrameKind.Tlp:
                if (!TlpHeader.TryDecode(payload, out TlpHeader header, out TlpError error))
                {
                    return $"malformed TLP: {error.Describe()}";
                }

                ReadOnlySpan<byte> data = payload[header.HeaderLength..];
                if (header.IsCompletion)
                {
                    return Requester.Complete(header, data);
                }

                _handler.HandleTlp(frame.Function, header, data);
                return null;
            case FrameKind.Acknowledge:
                if (payload.Length != TokenSize)
                {
                    return Malformed(frame);
                }

                lock (_acknowledgeLock)
                {
                    if (_unacknowledged.TryGetValue(BitConverter.ToUInt32(payload), out ManualResetEventSlim? waiter))
                    {
                        waiter.Set();
                    }
                }

                return null;
            case FrameKind.Refuse:
                _refusedByOther = true;
                return "by the other side: " + System.Text.Encoding.UTF8.GetString(payload);
            default:
                FileDescriptor? descriptor = _receiver.Descriptors.IsEmpty ? null : _receiver.TakeDescriptor(0);
                return _handler.HandleControl(frame.Kind, frame.Function, payload, descriptor) ? null : Malformed(frame);
        }
    }

    private static string Malformed(FrameHeader frame) =>
        $"malformed {frame.Kind} frame ({frame.PayloadLength} bytes)";
}
