using System.Collections.Concurrent;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <summary>
/// The bridge's end of the link: connects to EpcDevice, again and again, and offers its functions to the host's QEMU
/// while the link is up, a socket for each.
/// </summary>
/// <remarks>
/// One thread connects and receives. Another makes and removes the sockets: removing one waits for its serving thread,
/// which may be waiting for a completion that the receiving thread is to bring.
/// </remarks>
internal sealed class EndpointLink : ILinkHandler, IDisposable
{
    // EpcDevice waits for each; some may be left of what it gave up waiting for.
    private const int MaxOrders = 16;

    // A device of 8 functions each: what fits on a bus.
    private const int MaxFunctions = 256;

    private static readonly TimeSpan s_connectInterval = TimeSpan.FromMilliseconds(200);

    private readonly BridgeOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly LinkCapabilities _capabilities;
    private readonly LinkTimeouts _timeouts;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<ushort, EndpointFunction> _functions = new();
    private readonly BlockingCollection<Action> _orders = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<IDisposable> _servers = [];
    private readonly Func<ushort, EndpointFunction, IDisposable> _serve;
    private readonly Thread? _orderThread;
    private readonly Thread? _thread;
    private volatile LinkConnection? _connection;

    /// <summary>Connects to EpcDevice, and serves functions to QEMU.</summary>
    public EndpointLink(BridgeOptions options, ILoggerFactory loggers)
        : this(options, loggers, null)
    {
        _orderThread = new Thread(CarryOutOrders) { IsBackground = true, Name = "link state" };
        _orderThread.Start();
        _thread = new Thread(Run) { IsBackground = true, Name = "link" };
        _thread.Start();
    }

    /// <summary>Connects to nobody, and has no threads: what is on the link is for
    /// <see cref="Serve(UnixSocket, RefusalLog, LinkTimeouts?)"/>.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="loggers">Told what happens.</param>
    /// <param name="serve">Serves a function, by its number, until disposed; waits for nobody.</param>
    internal EndpointLink(
        BridgeOptions options, ILoggerFactory loggers, Func<ushort, EndpointFunction, IDisposable>? serve)
    {
        _options = options;
        _loggers = loggers;
        _capabilities = options.LinkCapabilities;
        _timeouts = options.LinkTimeouts;
        _logger = loggers.CreateLogger("link");
        _serve = serve ?? ServeToQemu;
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
        _orders.CompleteAdding();
        _orderThread?.Join();
        _orders.Dispose();
        _stopping.Dispose();
    }

    /// <inheritdoc/>
    void ILinkHandler.HandleTlp(ushort function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (_functions.TryGetValue(function, out EndpointFunction? endpoint))
        {
            endpoint.HandleTlp(header, payload);
        }
        else if (header.IsNonPosted)
        {
            _connection?.Requester.SendCompletion(
                function, header, EndpointFunction.RootComplex, CompletionStatus.UnsupportedRequest);
        }
    }

    /// <inheritdoc/>
    bool ILinkHandler.HandleControl(
        FrameKind kind, ushort function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor)
    {
        using FileDescriptor? owned = descriptor;
        if (_connection is not { } connection)
        {
            return false;
        }

        _functions.TryGetValue(function, out EndpointFunction? endpoint);
        switch (kind)
        {
            case FrameKind.Function when function < MaxFunctions && FunctionMessage.TryRead(payload, out FunctionMessage? message):
                // The link is down, so nobody uses what the function was before.
                endpoint?.Dispose();
                _functions[function] = new EndpointFunction(connection, function, message!, _logger);
                return true;
            case FrameKind.BarAddress when BarAddressMessage.TryRead(payload, out BarAddressMessage message):
                endpoint?.PlaceBar(message);
                return endpoint is not null;
            case FrameKind.InboundAdd when InboundAddMessage.TryRead(payload, out InboundAddMessage message):
                return endpoint is not null && descriptor is not null && endpoint.AddInbound(message, descriptor);
            case FrameKind.InboundInvalidate when OrderMessage.TryRead(payload, out int bar):
                endpoint?.InvalidateInbound(bar);
                connection.Acknowledge(payload);
                return true;
            case FrameKind.LinkUp or FrameKind.LinkDown when OrderMessage.TryRead(payload, out _):
                byte[] order = payload.ToArray();
                if (kind == FrameKind.LinkDown)
                {
                    // Hosts' accesses fail from here on, so that the serving threads can be ended.
                    SetPresent(false);
                }

                return TryPost(() =>
                {
                    SetServing(kind == FrameKind.LinkUp);
                    connection.Acknowledge(order);
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
                if (Serve(Connect(), refusals))
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
    internal bool Serve(UnixSocket socket, RefusalLog refusals, LinkTimeouts? timeouts = null)
    {
        if (LinkConnection.Open(
            socket, LinkRole.Bridge, _capabilities, this, _logger, timeouts ?? _timeouts, refusals, _stopping.Token)
            is not { } connection)
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

        SetPresent(false);
        using var ended = new ManualResetEventSlim();
        Post(() =>
        {
            SetServing(false);
            ended.Set();
        });
        ended.Wait();
        _connection = null;
        foreach (EndpointFunction function in _functions.Values)
        {
            function.Dispose();
        }

        _functions.Clear();
        connection.Dispose();
        _logger.LogInformation("disconnected from {Path}", _options.Link);
    }

    private void SetPresent(bool present)
    {
        foreach (EndpointFunction function in _functions.Values)
        {
            function.IsPresent = present;
        }
    }

    /// <summary>As <see cref="Post"/>, for what EpcDevice asks.</summary>
    /// <returns>False where it asks again and again without waiting for acknowledgements.</returns>
    private bool TryPost(Action order)
    {
        if (_orders.Count >= MaxOrders)
        {
            return false;
        }

        Post(order);
        return true;
    }

    /// <summary>Has it done by the thread that makes and removes sockets.</summary>
    private void Post(Action order)
    {
        if (_orderThread is null)
        {
            order();
        }
        else
        {
            _orders.Add(order);
        }
    }

    private void CarryOutOrders()
    {
        foreach (Action order in _orders.GetConsumingEnumerable())
        {
            order();
        }
    }

    private void SetServing(bool serving)
    {
        foreach (IDisposable server in _servers)
        {
            server.Dispose();
        }

        _servers.Clear();
        if (!serving)
        {
            return;
        }

        SetPresent(true);
        foreach ((ushort number, EndpointFunction function) in _functions.OrderBy(entry => entry.Key))
        {
            if (!function.Exists)
            {
                continue;
            }

            try
            {
                _servers.Add(_serve(number, function));
            }
            catch (LinuxException error)
            {
                _logger.LogError("function {Function}: {Error}", number, error.Message);
            }
        }
    }

    private VfioUserServer ServeToQemu(ushort number, EndpointFunction function)
    {
        string path = _options.SocketOf(number);
        var server = new VfioUserServer(
            function, path, _loggers.CreateLogger($"function {number}"), _options.ServerOptions);
        _logger.LogInformation("function {Function} is served at {Path}", number, path);
        return server;
    }
}
