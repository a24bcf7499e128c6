using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Link;

/// <summary>The endpoint's port: listens for an EpfBridge, and connects each function to the host over the
/// link.</summary>
/// <remarks>
/// One thread accepts and receives. It hands what waits for the EP guest's QEMU to the slow path of the function.
/// </remarks>
internal sealed class EndpointPort : IHostLink, ILinkHandler, IDisposable
{
    private readonly IEndpoint _endpoint;
    private readonly UnixListener _listener;
    private readonly LinkSettings _settings;
    private readonly ILogger _logger;
    private readonly FunctionPort[] _ports;
    private readonly DeadlockBreaker _deadlocks;
    private readonly Thread _thread;
    private readonly CancellationTokenSource _stopping = new();
    private volatile LinkConnection? _connection;

    // The connection that was told to come up, until it is told otherwise or ends.
    private volatile LinkConnection? _up;

    /// <summary>Listens at <paramref name="path"/>.</summary>
    /// <exception cref="LinuxException">The socket cannot be made there.</exception>
    /// <param name="peers">Users whose bridges are accepted.</param>
    public EndpointPort(IEndpoint endpoint, string path, LinkSettings settings, PeerPolicy peers, ILogger logger)
    {
        _endpoint = endpoint;
        _settings = settings;
        _logger = logger;
        _deadlocks = new DeadlockBreaker(BreakDeadlock);
        var failures = new BurstLog(logger);
        _ports = [.. endpoint.Functions.Select(
            function => new FunctionPort(endpoint, function, _deadlocks, failures, logger))];
        _listener = UnixListener.Listen(path, peers, logger);
        _thread = new Thread(Run) { IsBackground = true, Name = "link" };
    }

    /// <summary>Starts to accept bridges.</summary>
    public void Start() => _thread.Start();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        _stopping.Cancel();
        _listener.Stop();
        _connection?.Shutdown();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _listener.Dispose();
        Array.ForEach(_ports, static port => port.Dispose());
        _stopping.Dispose();
    }

    /// <inheritdoc/>
    public IFunctionPort PortOf(IFunction function) => FindPort(function.Id)!;

    /// <inheritdoc/>
    public bool GuestWaits
    {
        set => _deadlocks.GuestWaits = value;
    }

    /// <inheritdoc/>
    public bool ReadsAhead => _up is { } connection && (connection.Capabilities & LinkCapabilities.Direct) == 0;

    /// <inheritdoc/>
    public bool SharesNoMemory => _up is { } connection
        && ((connection.Capabilities & LinkCapabilities.Direct) == 0 || HostMemory.IsPrivate(
            _ports.Select(port => port.Memory)));

    /// <inheritdoc/>
    public bool SetLink(bool up)
    {
        if (_connection is not { } connection)
        {
            return false;
        }

        Span<byte> request = stackalloc byte[RequestMessage.Length];
        RequestMessage.Encode(request, up ? _ports.Length : 0);
        if (up)
        {
            Array.ForEach(_ports, static port => port.Announce());
            _up = connection;
            Array.ForEach(_ports, static port => port.IsUp = true);
            if (connection.Request(FrameKind.LinkUp, default, request))
            {
                return true;
            }

            TakeDown();
            return false;
        }

        TakeDown();

        // The bridge acknowledges when the host's accesses have ended.
        _deadlocks.GuestWaits = true;
        _deadlocks.BeginRequest();
        connection.Request(FrameKind.LinkDown, default, request);
        _deadlocks.EndRequest();
        _deadlocks.GuestWaits = false;
        ForgetHost();
        Array.ForEach(_ports, static port => port.CancelRequests());
        ReportMappedBars();
        return false;
    }

    /// <inheritdoc/>
    void ILinkHandler.HandleTlp(FunctionId function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (FindPort(function) is { } port)
        {
            port.Handle(header, payload);
        }
        else if (header.IsNonPosted)
        {
            _connection?.Completions.Send(
                function, header, Bdf.Of(function), CompletionStatus.UnsupportedRequest);
        }
    }

    /// <inheritdoc/>
    bool ILinkHandler.HandleControl(
        FrameKind kind, FunctionId function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor)
    {
        using FileDescriptor? owned = descriptor;
        if (kind is not (FrameKind.MemoryAdd or FrameKind.MemoryInvalidate or FrameKind.MemoryInvalidateAll
            or FrameKind.FunctionReset or FrameKind.BarMapped or FrameKind.InterruptAdd
            or FrameKind.InterruptInvalidate or FrameKind.WriteFailed))
        {
            return true;
        }

        if (FindPort(function) is not { } port || _connection is not { } connection)
        {
            return false;
        }

        switch (kind)
        {
            case FrameKind.MemoryAdd when MemoryMessage.TryDecode(payload, out MemoryMessage range):
                bool mapped = port.Memory.Map(range, descriptor);
                _endpoint.AfterReconcile(static () => { });
                return mapped;
            case FrameKind.BarMapped when (connection.Capabilities & LinkCapabilities.MapBars) != 0
                && BarMappedMessage.TryDecode(payload, out BarMappedMessage message):
                port.SetMapped(message.Bar, message.IsMapped);
                return true;
            case FrameKind.InterruptAdd when (connection.Capabilities & LinkCapabilities.Interrupts) != 0
                && InterruptAddMessage.TryDecode(payload, out InterruptAddMessage added)
                && descriptor is not null
                && EventFd.TryAdopt(descriptor) is { } signal:
                port.Interrupts.Add(added.IsMsix, added.Vector, signal);
                return true;
            case FrameKind.InterruptInvalidate
                when InterruptInvalidateMessage.TryDecode(payload, out InterruptInvalidateMessage vectors):
                port.Interrupts.Forget(vectors.IsMsix, vectors.Start, vectors.Count);
                connection.Acknowledge(payload);
                return true;
            case FrameKind.WriteFailed when WriteFailedMessage.TryDecode(payload, out WriteFailedMessage failed):
                port.WriteFailed(failed);
                return true;
            case FrameKind.MemoryInvalidate when MemoryMessage.TryDecode(payload, out MemoryMessage range)
                && port.Memory.Unmap(range):
                break;
            case FrameKind.MemoryInvalidateAll when RequestMessage.TryDecode(payload, out _):
                port.Memory.UnmapAll();
                break;
            case FrameKind.FunctionReset when RequestMessage.TryDecode(payload, out int reset)
                && Enum.IsDefined((ResetKind)reset):
                port.ResetByHost((ResetKind)reset);
                break;
            default:
                return false;
        }

        // From another thread if the EP guest's QEMU has to let go first: that may take long.
        byte[] request = payload.ToArray();
        _endpoint.AfterReconcile(() => connection.Acknowledge(request));
        return true;
    }

    /// <summary>Speaks to a bridge until the link ends. For one thread at a time.</summary>
    internal void Serve(IFrameTransport transport, RefusalLog refusals)
    {
        if (LinkConnection.Open(transport, _settings, this, _logger, refusals, _stopping.Token) is { } connection)
        {
            Serve(connection);
        }
    }

    private void Run()
    {
        var refusals = new RefusalLog(_logger);
        _listener.ServeEach(socket => Serve(new UnixTransport(socket), refusals));
    }

    private void Serve(LinkConnection connection)
    {
        _logger.LogInformation("bridge connected ({Capabilities})", connection.Capabilities);
        Array.ForEach(_ports, port => port.Connect(connection));
        _connection = connection;
        if (!_stopping.IsCancellationRequested)
        {
            _endpoint.HostPresenceChanged(true);
            connection.Run();
        }

        TakeDown();
        _connection = null;
        _endpoint.HostPresenceChanged(false);
        ForgetHost();
        Array.ForEach(_ports, static port => port.Disconnect());
        ReportMappedBars();
        connection.Dispose();
        _logger.LogInformation("bridge disconnected");
    }

    private FunctionPort? FindPort(FunctionId function) =>
        function.Number < _ports.Length ? _ports[function.Number] : null;

    private void TakeDown()
    {
        _up = null;
        Array.ForEach(_ports, static port => port.IsUp = false);
    }

    private void ForgetHost()
    {
        foreach (FunctionPort port in _ports)
        {
            port.Memory.UnmapAll();
            port.Interrupts.ForgetAll();
        }
    }

    private void BreakDeadlock() => Array.ForEach(_ports, static port => port.AnswerStuck());

    /// <summary>The host has no endpoint any more, so that nothing of it may be mapped there.</summary>
    private void ReportMappedBars()
    {
        if (_ports.Any(static port => port.HasMappedBars))
        {
            _endpoint.HostKeepsBars();
        }
    }
}
