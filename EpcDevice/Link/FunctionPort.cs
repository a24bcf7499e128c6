using EpfTest.EpcDevice.Guest;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Completion;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Link;

/// <summary>One function on the link: its requests to the host, and the completer of the host's requests to
/// it.</summary>
internal sealed class FunctionPort : IFunctionPort, ICompleterTarget, IDisposable
{
    private readonly IEndpoint _endpoint;
    private readonly IFunction _function;
    private readonly FunctionId _id;
    private readonly Bdf _requester;
    private readonly DeadlockBreaker _deadlocks;
    private readonly BurstLog _failures;
    private readonly ILogger _logger;
    private readonly AnnouncedBars _bars;
    private readonly bool[] _mapped = new bool[PciRegister.BaseAddressCount];
    private volatile FunctionCompleter? _completer;
    private volatile LinkConnection? _connection;
    private volatile bool _isUp;

    /// <summary>A port without a connection.</summary>
    public FunctionPort(
        IEndpoint endpoint, IFunction function, DeadlockBreaker deadlocks, BurstLog failures, ILogger logger)
    {
        _endpoint = endpoint;
        _function = function;
        _id = function.Id;
        _requester = Bdf.Of(function.Id);
        _deadlocks = deadlocks;
        _failures = failures;
        _logger = logger;
        _bars = new AnnouncedBars(function);
        Memory = new HostMemory(function, deadlocks);
    }

    /// <summary>The host's memory as this function reaches it.</summary>
    public HostMemory Memory { get; }

    /// <summary>Eventfds of the function's vectors.</summary>
    public HostInterrupts Interrupts { get; } = new();

    /// <summary>Whether requests may be sent.</summary>
    public bool IsUp
    {
        set => _isUp = value;
    }

    /// <summary>Whether the host's QEMU has a BAR mapped.</summary>
    public bool HasMappedBars => _mapped.Contains(true);

    /// <summary>A bridge has connected.</summary>
    public void Connect(LinkConnection connection)
    {
        Memory.Connection = connection;
        _completer = new FunctionCompleter(
            connection, _function.Id, _requester, this, _logger, _deadlocks.Check);
        _connection = connection;
    }

    /// <summary>The bridge has gone.</summary>
    public void Disconnect()
    {
        _connection = null;
        Memory.Connection = null;
        _completer?.Dispose();
        _function.LogFailedRequests();
    }

    /// <summary>Takes a request of the host. For the receiving thread.</summary>
    public void Handle(in TlpHeader header, ReadOnlySpan<byte> payload) => _completer?.Handle(header, payload);

    /// <summary>Tells the bridge of the function and its BARs.</summary>
    public void Announce()
    {
        if (_connection is { } connection)
        {
            _bars.SendFunction(connection);
            for (int bar = 0; bar < PciRegister.BaseAddressCount; bar++)
            {
                InboundChanged(bar);
            }
        }
    }

    /// <summary>The host's QEMU has mapped a BAR, or let go of it.</summary>
    public void SetMapped(int bar, bool isMapped) => Volatile.Write(ref _mapped[bar], isMapped);

    /// <summary>A posted write of the function failed at the host's memory.</summary>
    public void WriteFailed(WriteFailedMessage failed) => _function.RecordFailedWrite(failed.Address, failed.Status);

    /// <summary>The host resets the function.</summary>
    public void ResetByHost(ResetKind kind)
    {
        CancelRequests();
        _function.ResetByHost(kind);
        SendMovedBars();
    }

    /// <summary>Drops the host's requests that wait for the EP guest.</summary>
    public void CancelRequests() => _completer?.Cancel();

    /// <summary>Answers the host's requests that wait for the EP guest, to break a deadlock.</summary>
    public void AnswerStuck() => _completer?.AnswerStuck();

    /// <inheritdoc/>
    public void Dispose() => Memory.Dispose();

    /// <inheritdoc/>
    public void SetBusMaster(bool enabled)
    {
        Memory.SetBusMaster(enabled);
        _endpoint.AfterReconcile(static () => { });
    }

    /// <inheritdoc/>
    public RequestStatus Read(ulong address, Span<byte> destination) =>
        _isUp ? Memory.Read(address, destination) : RequestStatus.LinkDown;

    /// <inheritdoc/>
    public PendingRead BeginRead(ulong address, ref int length, IReadTarget target) =>
        _isUp ? Memory.BeginRead(address, ref length, target) : PendingRead.Failed(RequestStatus.LinkDown);

    /// <inheritdoc/>
    public RequestStatus Write(ulong address, ReadOnlySpan<byte> source) =>
        _isUp ? Memory.Write(address, source) : RequestStatus.LinkDown;

    /// <inheritdoc/>
    public MemoryLease Lease(ulong address, int wanted, DmaAccess access) =>
        _isUp ? Memory.Lease(address, wanted, access) : default;

    /// <inheritdoc/>
    public bool TryResolve(ulong address, ulong size, List<HostMapping> parts) =>
        _isUp && IsDirect && Memory.TryResolve(address, size, parts);

    /// <inheritdoc/>
    public void SendInterrupt(InterruptKind kind, int vector)
    {
        // Writes before it have been carried out: those to shared memory at once, the others were awaited.
        bool isMsix = kind == InterruptKind.Msix;
        if (!_isUp || !Interrupts.TrySignal(isMsix, vector))
        {
            Send(InterruptMessage.Create(_requester, isMsix, vector));
        }
    }

    /// <inheritdoc/>
    public void SendIntx(bool asserted)
    {
        int pin = Math.Max((_function.Describe()?.InterruptPin ?? 1) - 1, 0);
        MessageCode code = (asserted ? MessageCode.Assert_INTA : MessageCode.Deassert_INTA) + (byte)pin;
        Send(TlpHeader.Message(code, _requester));
    }

    /// <inheritdoc/>
    public void SendError(ErrorMessage error)
    {
        MessageCode code = error switch
        {
            ErrorMessage.Correctable => MessageCode.ERR_COR,
            ErrorMessage.NonFatal => MessageCode.ERR_NONFATAL,
            _ => MessageCode.ERR_FATAL,
        };
        Send(TlpHeader.Message(code, _requester));
    }

    /// <inheritdoc/>
    public bool InboundChanging(int bar)
    {
        if (IsDirect)
        {
            Span<byte> request = stackalloc byte[RequestMessage.Length];
            RequestMessage.Encode(request, bar);
            _connection?.Request(FrameKind.InboundInvalidate, _id, request);
        }

        // The bridge sends BAR_MAPPED before its acknowledgement.
        return !Volatile.Read(ref _mapped[bar]);
    }

    /// <inheritdoc/>
    public void InboundChanged(int bar)
    {
        // The bridge knows a function from its FUNCTION frame, which goes out when the link comes up.
        if (_connection is not { } connection || !_function.IsVisible)
        {
            return;
        }

        _bars.SendChanges(connection);
        if (!IsDirect)
        {
            return;
        }

        Span<byte> message = stackalloc byte[InboundAddMessage.Length];
        foreach (InboundMapping mapping in _function.ResolveInbound(bar))
        {
            new InboundAddMessage(
                bar, mapping.Access, mapping.BarOffset, mapping.Size, mapping.FileOffset).Encode(message);
            connection.SendControl(FrameKind.InboundAdd, _id, message, mapping.File.Descriptor);
        }
    }

    /// <inheritdoc/>
    bool ICompleterTarget.IsPresent => _function.IsVisible;

    /// <inheritdoc/>
    int ICompleterTarget.MaxPayload => _function.TransferLimits().MaxPayload;

    /// <inheritdoc/>
    int ICompleterTarget.MaxReceivedPayload => _function.TransferLimits().MaxPayload;

    /// <inheritdoc/>
    int ICompleterTarget.ReadCompletionBoundary => TlpLimits.MaxReadCompletionBoundary;

    /// <inheritdoc/>
    bool ICompleterTarget.HasPendingPostedWrites => !IsDirect && _endpoint.HasPendingPostedWrites;

    /// <inheritdoc/>
    bool ICompleterTarget.DrainPostedWrites() => _endpoint.DrainPostedWrites();

    /// <inheritdoc/>
    bool ICompleterTarget.TryRoute(in TlpHeader request, out Route route)
    {
        bool found = _function.TryDecode(request.FirstByteAddress, request.IsIo, out int bar, out ulong offset);
        route = new Route(bar, offset, found && _function.IsPrivate(bar, offset, request.ByteLength));
        return found;
    }

    /// <inheritdoc/>
    RequestStatus ICompleterTarget.Read(in Route route, Span<byte> destination) =>
        _function.ReadBar(route.Bar, route.Offset, destination);

    /// <inheritdoc/>
    RequestStatus ICompleterTarget.Write(in Route route, ReadOnlySpan<byte> source) =>
        _function.WriteBar(route.Bar, route.Offset, source);

    /// <inheritdoc/>
    bool ICompleterTarget.TryReadConfig(int offset, out uint value)
    {
        value = _function.ReadConfig(offset);
        return true;
    }

    /// <inheritdoc/>
    bool ICompleterTarget.TryWriteConfig(int offset, uint value, byte byteEnables, Action complete)
    {
        _function.WriteConfig(offset, value, byteEnables);

        // Before the completion, so that the bridge knows before the host's next access.
        SendMovedBars();

        // A write that clears Bus Master Enable takes effect when the EP guest cannot reach the host's memory any more.
        _endpoint.AfterReconcile(complete);
        return true;
    }

    /// <inheritdoc/>
    void ICompleterTarget.ReceiveMessage(in TlpHeader message)
    {
        // No message of a root complex asks anything of an endpoint without power management of its own.
    }

    /// <inheritdoc/>
    void ICompleterTarget.RecordFailure(in TlpHeader request, RequestStatus status)
    {
        _function.RecordFailure(request, status switch
        {
            RequestStatus.UnsupportedRequest => UncorrectableError.UnsupportedRequest,
            RequestStatus.Poisoned => UncorrectableError.PoisonedTlpReceived,
            _ => UncorrectableError.CompleterAbort,
        });
        _failures.Report(request.HasPayload ? "write by the host" : "read by the host", request.Address, status);
    }

    /// <inheritdoc/>
    void ICompleterTarget.RecordMalformed(in TlpHeader request) =>
        _function.RecordFailure(request, UncorrectableError.MalformedTlp);

    private bool IsDirect => _connection is { } connection && (connection.Capabilities & LinkCapabilities.Direct) != 0;

    private void SendMovedBars()
    {
        if (_connection is { } connection)
        {
            _bars.SendMoved(connection);
        }
    }

    private void Send(in TlpHeader message)
    {
        if (_isUp)
        {
            _connection?.Requester.SendMessage(_id, message);
        }
    }
}
