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
    private static readonly TimeSpan s_connectInterval = TimeSpan.FromMilliseconds(200);

    private readonly BridgeOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<ushort, EndpointFunction> _functions = new();
    private readonly BlockingCollection<Action> _orders = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<VfioUserServer> _servers = [];
    private readonly Thread _orderThread;
    private readonly Thread _thread;
    private volatile LinkConnection? _connection;

    public EndpointLink(BridgeOptions options, ILoggerFactory loggers)
    {
        _options = options;
        _loggers = loggers;
        _logger = loggers.CreateLogger("link");
        _orderThread = new Thread(CarryOutOrders) { IsBackground = true, Name = "link state" };
        _orderThread.Start();
        _thread = new Thread(Run) { IsBackground = true, Name = "link" };
        _thread.Start();
    }

    public void Dispose()
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        _stopping.Cancel();
        _connection?.Shutdown();
        _thread.Join();
        _orders.CompleteAdding();
        _orderThread.Join();
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
            case FrameKind.Function when FunctionMessage.TryRead(payload, out FunctionMessage? message):
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

                _orders.Add(() =>
                {
                    SetServing(kind == FrameKind.LinkUp);
                    connection.Acknowledge(order);
                });
                return true;
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
        LinkCapabilities capabilities = _options.LinkCapabilities;
        var refusals = new RefusalLog(_logger);
        bool waitingWasLogged = false;
        while (!_stopping.IsCancellationRequested)
        {
            LinkConnection? connection = null;
            try
            {
                connection = LinkConnection.Open(
                    Connect(),
                    LinkRole.Bridge,
                    capabilities,
                    this,
                    _logger,
                    refusals: refusals,
                    stop: _stopping.Token);
            }
            catch (LinuxException error)
            {
                if (!waitingWasLogged)
                {
                    _logger.LogInformation("waiting for EpcDevice: {Error}", error.Message);
                    waitingWasLogged = true;
                }
            }

            if (connection is not null)
            {
                waitingWasLogged = false;
                Serve(connection);
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
        _orders.Add(() =>
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

    private void CarryOutOrders()
    {
        foreach (Action order in _orders.GetConsumingEnumerable())
        {
            order();
        }
    }

    private void SetServing(bool serving)
    {
        foreach (VfioUserServer server in _servers)
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

            string path = _options.SocketOf(number);
            try
            {
                _servers.Add(new VfioUserServer(
                    function, path, _loggers.CreateLogger($"function {number}"), _options.ServerOptions));
                _logger.LogInformation("function {Function} is served at {Path}", number, path);
            }
            catch (LinuxException error)
            {
                _logger.LogError("function {Function}: {Error}", number, error.Message);
            }
        }
    }
}
