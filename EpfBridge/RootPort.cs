using System.Collections.Concurrent;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <summary>
/// The root port: connects to EpcDevice, again and again, and hands the link's frames to the functions, which it serves
/// to the host's QEMU while the link is up.
/// </summary>
/// <remarks>
/// One thread connects and receives. Another makes and removes the functions' sockets: it waits for serving threads,
/// which may be waiting for completions that the first one receives. The plugger has a third, for which nothing waits.
/// </remarks>
internal sealed class RootPort : ILinkHandler, IDisposable
{
    // EpcDevice waits for each; some may be left of those that it no longer waits for.
    private const int MaxActions = 16;

    private static readonly TimeSpan s_connectInterval = TimeSpan.FromMilliseconds(200);

    private readonly BridgeOptions _options;
    private readonly LinkSettings _settings;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<FunctionId, RemoteFunction> _functions = new();
    private readonly FunctionServers _servers;
    private readonly BlockingCollection<Action> _actions = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Thread? _actionThread;
    private readonly Thread? _thread;
    private volatile LinkConnection? _connection;

    /// <summary>Connects to EpcDevice, and serves functions to QEMU.</summary>
    public RootPort(BridgeOptions options, ILoggerFactory loggers)
        : this(options, loggers, null)
    {
        _actionThread = new Thread(RunActions) { IsBackground = true, Name = "link state" };
        _actionThread.Start();
        _thread = new Thread(Run) { IsBackground = true, Name = "link" };
        _thread.Start();
    }

    /// <summary>Connects to nobody and has no threads; <see cref="Serve(IFrameTransport, RefusalLog)"/> takes a
    /// link.</summary>
    /// <param name="serve">Serves a function, by its number, until disposed; waits for nobody.</param>
    internal RootPort(
        BridgeOptions options,
        ILoggerFactory loggers,
        Func<RemoteFunction, IDisposable?>? serve,
        LinkTimeouts? timeouts = null)
    {
        _options = options;
        _settings = new LinkSettings(LinkRole.Bridge, options.LinkCapabilities)
        {
            Timeouts = timeouts ?? options.LinkTimeouts,
            OnWait = ReceiveProgress.ThreadWaits,
        };
        _logger = loggers.CreateLogger("link");
        _servers = new FunctionServers(options, loggers, serve);
    }

    public void Dispose()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        _stopping.Cancel();
        _connection?.Shutdown();
        _thread?.Join();
        _actions.CompleteAdding();
        _actionThread?.Join();
        _actions.Dispose();
        _stopping.Dispose();
        _servers.Dispose();
    }

    /// <inheritdoc/>
    void ILinkHandler.HandleTlp(FunctionId function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (_functions.TryGetValue(function, out RemoteFunction? endpoint))
        {
            endpoint.HandleTlp(header, payload);
        }
        else if (header.IsNonPosted)
        {
            _connection?.Completions.Send(
                function, header, RemoteFunction.RootComplex, CompletionStatus.UnsupportedRequest);
        }
    }

    /// <inheritdoc/>
    bool ILinkHandler.HandleControl(
        FrameKind kind, FunctionId function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor)
    {
        using FileDescriptor? owned = descriptor;
        if (_connection is not { } connection)
        {
            return false;
        }

        _functions.TryGetValue(function, out RemoteFunction? endpoint);
        switch (kind)
        {
            case FrameKind.Function when function.Number < FunctionId.MaxNumber
                && FunctionMessage.TryDecode(payload, out FunctionMessage? message):
                // The link is down, so nobody uses what the function was before, unless a QEMU still has it.
                if (endpoint is { IsRetired: false })
                {
                    endpoint.Dispose();
                }

                _functions[function] = new RemoteFunction(
                    connection, function, message!, _logger, _servers.HidesMsix);
                return true;
            case FrameKind.BarAddress when BarAddressMessage.TryDecode(payload, out BarAddressMessage message):
                endpoint?.PlaceBar(message);
                return endpoint is not null;
            case FrameKind.InboundAdd when InboundAddMessage.TryDecode(payload, out InboundAddMessage message):
                return endpoint is not null && descriptor is not null && endpoint.AddInbound(message, descriptor);
            case FrameKind.InboundInvalidate when RequestMessage.TryDecode(payload, out int bar):
                endpoint?.InvalidateInbound(bar);
                connection.Acknowledge(payload);
                return true;
            case FrameKind.LinkUp or FrameKind.LinkDown when RequestMessage.TryDecode(payload, out _):
                byte[] request = payload.ToArray();
                return TryPost(() =>
                {
                    SetServing(kind == FrameKind.LinkUp);
                    connection.Acknowledge(request);
                });
            case FrameKind.Function:
            case FrameKind.BarAddress:
            case FrameKind.InboundAdd:
            case FrameKind.InboundInvalidate:
            case FrameKind.LinkUp:
            case FrameKind.LinkDown:
                return false;
            default:
                return true;
        }
    }

    private void Run()
    {
        var refusals = new RefusalLog(_logger);
        bool waitingWasLogged = false;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                if (Serve(new UnixTransport(Connect()), refusals))
                {
                    waitingWasLogged = false;
                }
            }
            catch (LinuxException error)
            {
                if (!waitingWasLogged)
                {
                    _logger.LogInformation("waiting for EpcDevice: {Error}", error.Message);
                    waitingWasLogged = true;
                }
            }

            _stopping.Token.WaitHandle.WaitOne(s_connectInterval);
        }
    }

    private UnixSocket Connect()
    {
        var socket = UnixSocket.Connect(_options.Link);
        if (_options.Peers.Refusal(socket) is { } refusal)
        {
            socket.Dispose();
            throw new LinuxException($"speak to EpcDevice at {_options.Link}: {refusal}", Errno.EACCES);
        }

        return socket;
    }

    /// <summary>Speaks to EpcDevice until the link ends. For one thread at a time, the link's own.</summary>
    /// <returns>False where it is not to be spoken to.</returns>
    internal bool Serve(IFrameTransport transport, RefusalLog refusals)
    {
        if (LinkConnection.Open(transport, _settings, this, _logger, refusals, _stopping.Token) is not { } connection)
        {
            return false;
        }

        Serve(connection);
        return true;
    }

    private void Serve(LinkConnection connection)
    {
        _logger.LogInformation("connected to {Path} ({Capabilities})", _options.Link, connection.Capabilities);
        _connection = connection;
        if (!_stopping.IsCancellationRequested)
        {
            connection.Run();
        }

        foreach (RemoteFunction function in _functions.Values)
        {
            function.Detach();
        }

        using var ended = new ManualResetEventSlim();
        Post(() =>
        {
            SetServing(false);
            ended.Set();
        });
        ended.Wait();
        _connection = null;
        foreach (RemoteFunction function in _functions.Values.Where(function => !function.IsRetired))
        {
            function.Dispose();
        }

        _functions.Clear();
        connection.Dispose();
        _logger.LogInformation("disconnected from {Path}", _options.Link);
    }

    /// <summary>As <see cref="Post"/>, for what EpcDevice asks.</summary>
    /// <returns>False where it asks again and again without waiting for acknowledgements.</returns>
    private bool TryPost(Action action)
    {
        if (_actions.Count >= MaxActions)
        {
            return false;
        }

        Post(action);
        return true;
    }

    /// <summary>Has it done by the thread that makes and removes sockets.</summary>
    private void Post(Action action)
    {
        if (_actionThread is null)
        {
            action();
        }
        else
        {
            _actions.Add(action);
        }
    }

    private void RunActions()
    {
        foreach (Action action in _actions.GetConsumingEnumerable())
        {
            action();
        }
    }

    private void SetServing(bool serving)
    {
        _servers.Retire();
        if (serving)
        {
            _servers.Serve(_functions.Values);
        }
    }
}
