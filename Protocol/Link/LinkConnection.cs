using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Link;

/// <summary>
/// One end of the link while it is connected. <see cref="Run"/> receives on the thread that calls it; any thread may
/// call the rest.
/// </summary>
internal sealed class LinkConnection : IDisposable
{
    private const int TokenSize = 4;

    private readonly IFrameTransport _transport;
    private readonly FrameReader _reader;
    private readonly LinkSettings _settings;
    private readonly ILinkHandler _handler;
    private readonly ILogger _logger;
    private readonly TlpTrace _trace;
    private readonly FrameSender _sender;
    private readonly CompletionBatch _batch;
    private readonly ReceiverRole _receiver;
    private readonly PendingAcknowledgements _acknowledgements = new();
    private volatile bool _down;
    private bool _wasRefused;

    private LinkConnection(
        IFrameTransport transport,
        FrameReader reader,
        LinkSettings settings,
        LinkCapabilities capabilities,
        ILinkHandler handler,
        ILogger logger)
    {
        _transport = transport;
        _reader = reader;
        _settings = settings;
        _handler = handler;
        _logger = logger;
        _trace = new TlpTrace(logger);
        _sender = new FrameSender(transport, settings.Timeouts, _trace);
        _batch = new CompletionBatch(_sender);
        _receiver = new ReceiverRole(transport, Receive);
        Capabilities = capabilities;
        Outstanding = new OutstandingRequests(logger);
        Requester = new TlpRequester(this, Outstanding, settings);
        Completions = new CompletionSender(this);
    }

    /// <summary>The capabilities that both sides offer.</summary>
    public LinkCapabilities Capabilities { get; }

    public TlpRequester Requester { get; }

    public OutstandingRequests Outstanding { get; }

    public CompletionSender Completions { get; }

    /// <summary>Opens the link on a transport that is connected.</summary>
    /// <param name="transport">Owned by the connection, or disposed if there is none.</param>
    /// <param name="refusals">Logs a refusal; shared by attempts that follow each other.</param>
    /// <param name="stop">Ends the wait for the other side's HELLO.</param>
    /// <returns>Null if either side refuses the other, which is logged.</returns>
    public static LinkConnection? Open(
        IFrameTransport transport,
        LinkSettings settings,
        ILinkHandler handler,
        ILogger logger,
        RefusalLog? refusals = null,
        CancellationToken stop = default)
    {
        using CancellationTokenRegistration stopping = stop.Register(transport.Shutdown);
        var reader = new FrameReader(transport);
        string? refusal = Handshake.Exchange(
            transport, reader, settings, out LinkCapabilities capabilities, out bool isRelayed);
        if (refusal is null)
        {
            refusals?.Accepted();
            if (isRelayed)
            {
                logger.LogWarning(
                    "no descriptor passes on this link, as with a relay between two machines: there is no direct path, "
                    + "and every access is a TLP. Give both processes --datapath tlp (docs/two-machines.md)");
            }

            return new LinkConnection(transport, reader, settings, capabilities, handler, logger);
        }

        (refusals ?? new RefusalLog(logger)).Refused(refusal);
        reader.Dispose();
        transport.Dispose();
        return null;
    }

    /// <summary>Receives until the link ends.</summary>
    public void Run()
    {
        _receiver.Run();
        Outstanding.EndAll();
        _acknowledgements.EndAll();
        LogFailures();
    }

    /// <summary>Ends the link; <see cref="Run"/> returns.</summary>
    public void Shutdown()
    {
        _down = true;
        _transport.Shutdown();
    }

    /// <summary>Sends a control frame.</summary>
    /// <returns>False if the link has ended.</returns>
    public bool SendControl(
        FrameKind kind, FunctionId function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor = null)
    {
        Span<byte> frame = stackalloc byte[FrameHeader.Length + payload.Length];
        new FrameHeader((uint)payload.Length, kind, function).Encode(frame);
        payload.CopyTo(frame[FrameHeader.Length..]);
        SendBatch();
        return !_down && (descriptor is null ? SendFrames(frame) : _sender.Send(frame, descriptor));
    }

    /// <summary>Sends a control frame with a descriptor if there is room at once: any thread may call it.</summary>
    /// <returns>Whether it was sent.</returns>
    public bool TrySendControl(
        FrameKind kind, FunctionId function, ReadOnlySpan<byte> payload, FileDescriptor descriptor)
    {
        Span<byte> frame = stackalloc byte[FrameHeader.Length + payload.Length];
        new FrameHeader((uint)payload.Length, kind, function).Encode(frame);
        payload.CopyTo(frame[FrameHeader.Length..]);
        return !_down && _sender.TrySend(frame, descriptor);
    }

    /// <summary>
    /// Sends a link request, whose payload starts with 4 bytes for a token, and waits for its acknowledgement. On
    /// timeout the link ends: the other side's state is unknown then. Not for the receiving thread.
    /// </summary>
    /// <returns>False if the link has ended: the other side drops all that is ours as soon as it notices.</returns>
    public bool Request(FrameKind kind, FunctionId function, Span<byte> payload)
    {
        if (_receiver.IsMine)
        {
            throw new InvalidOperationException($"{kind}: the receiving thread cannot wait for an acknowledgement");
        }

        using var waiter = new ManualResetEventSlim();
        uint token = _acknowledgements.Add(waiter);
        try
        {
            BitConverter.TryWriteBytes(payload, token);
            if (!SendControl(kind, function, payload))
            {
                return false;
            }

            _settings.OnWait(true);
            bool acknowledged = waiter.Wait(_settings.Timeouts.Acknowledge);
            _settings.OnWait(false);
            if (!acknowledged)
            {
                _logger.LogError(
                    "link ended: timeout: {Kind} of function {Function} was not acknowledged within {Limit}",
                    kind,
                    function,
                    _settings.Timeouts.Acknowledge);
                Shutdown();
            }

            return !_down;
        }
        finally
        {
            _acknowledgements.Remove(token);
        }
    }

    /// <summary>Acknowledges a link request, given its payload.</summary>
    public void Acknowledge(ReadOnlySpan<byte> request) =>
        SendControl(FrameKind.Acknowledge, default, request[..TokenSize]);

    /// <inheritdoc/>
    public void Dispose()
    {
        Shutdown();
        _sender.Dispose();
        _receiver.End();
        _reader.Dispose();
        _transport.Dispose();
    }

    /// <inheritdoc cref="ReceiverRole.RunUntilDone"/>
    public void ReceiveUntilDone(Transfer transfer) => _receiver.RunUntilDone(transfer);

    /// <summary>Sends whole frames.</summary>
    public bool SendFrames(ReadOnlySpan<byte> frames)
    {
        SendBatch();
        return !_down && _sender.Send(frames, mayWait: !_receiver.IsMine);
    }

    /// <inheritdoc cref="CompletionBatch.Place"/>
    /// <returns>Empty for all threads but the receiving one.</returns>
    public Span<byte> PlaceCompletion(int size, IReadHolder? holder = null) =>
        _receiver.IsMine ? _batch.Place(size, holder) : [];

    /// <inheritdoc cref="CompletionBatch.Add"/>
    /// <returns>False if the link has ended.</returns>
    public bool DeferCompletion(int length)
    {
        _batch.Add(length);
        return !_down;
    }

    /// <inheritdoc cref="CompletionBatch.Hold"/>
    public void HoldCompletion(in TlpHeader request, int length) => _batch.Hold(request, length);

    private void SendBatch()
    {
        if (!_batch.IsEmpty && _receiver.IsMine)
        {
            _batch.Send();
        }
    }

    private void LogFailures()
    {
        if (Outstanding.Timeouts + Outstanding.Unsupported + Outstanding.Aborted + Completions.Refused > 0)
        {
            _logger.LogWarning(
                "requests to the other side: {Timeouts} completion timeouts, {Unsupported} Unsupported Request (UR), "
                    + "{Aborted} Completer Abort (CA); of the other side's requests {Refused} were refused",
                Outstanding.Timeouts,
                Outstanding.Unsupported,
                Outstanding.Aborted,
                Completions.Refused);
        }
    }

    /// <summary>Receives what there is, and handles it. For the receiving thread.</summary>
    /// <param name="transfer">What is left once it is done is for another thread; null to go on.</param>
    /// <returns>False if the link has ended.</returns>
    private bool Receive(Transfer? transfer)
    {
        while (true)
        {
            // The first frames may have come together with the HELLO.
            string? fault = HandleAll(transfer);
            SendBatch();
            if (fault is null && transfer is { IsDone: true })
            {
                return true;
            }

            if (fault is not null || !_reader.TryReceive())
            {
                if (fault is null && _reader.Error == Errno.EAGAIN)
                {
                    return true;
                }

                End(fault);
                return false;
            }
        }
    }

    /// <param name="fault">Why the link cannot go on; null if the other side hung up.</param>
    private void End(string? fault)
    {
        if (fault is not null)
        {
            _logger.LogError("link ended: {Reason}", fault);
            if (!_wasRefused)
            {
                _sender.Send(Handshake.EncodeRefusal(fault), mayWait: false);
            }
        }

        Shutdown();
    }

    /// <summary>Handles the frames that have been received.</summary>
    /// <returns>Why the link cannot go on, or null.</returns>
    private string? HandleAll(Transfer? transfer)
    {
        string? fault;
        while (_reader.TryTake(out FrameHeader frame, out ReadOnlySpan<byte> payload, out fault))
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

            _reader.CloseDescriptors();
            if (fault is not null)
            {
                break;
            }

            if (Outstanding.HasFinished)
            {
                Outstanding.HasFinished = false;
                if (_reader.HasMore && transfer is not { IsDone: true })
                {
                    // The thread that waited may want this core to ask for more, while this one handles the rest.
                    Thread.Yield();
                }
            }
        }

        return fault;
    }

    private string? Handle(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        switch (frame.Kind)
        {
            case FrameKind.Tlp:
                return HandleTlp(frame.Function, payload);
            case FrameKind.Acknowledge when payload.Length == TokenSize:
                _acknowledgements.Acknowledge(BitConverter.ToUInt32(payload));
                return null;
            case FrameKind.Refuse:
                _wasRefused = true;
                return Handshake.DecodeRefusal(payload);
            default:
                return frame.Kind != FrameKind.Acknowledge
                    && _handler.HandleControl(frame.Kind, frame.Function, payload, _reader.TakeDescriptor())
                        ? null
                        : $"malformed {frame.Kind} frame ({frame.PayloadLength} bytes)";
        }
    }

    private string? HandleTlp(FunctionId function, ReadOnlySpan<byte> payload)
    {
        if (!TlpHeader.TryDecode(payload, out TlpHeader header, out TlpError error))
        {
            return $"malformed TLP: {error.Describe()}";
        }

        if (_trace.IsOn)
        {
            _trace.Received(function, header);
        }

        ReadOnlySpan<byte> data = payload[header.HeaderLength..];
        if (header.IsCompletion)
        {
            return Outstanding.Complete(header, data);
        }

        _handler.HandleTlp(function, header, data);
        return null;
    }
}
