using System.Collections.Concurrent;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Qmp;
using EpfTest.Protocol.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <summary>
/// The bridge's end of the link: connects to EpcDevice, again and again, and offers its functions to the host's QEMU
/// while the link is up, a socket for each. A QEMU that has one when the link goes down is answered, with all ones, until
/// it lets go.
/// </summary>
/// <remarks>
/// One thread connects and receives. Another makes and removes the sockets: removing one waits for its serving thread,
/// which may be waiting for a completion that the receiving thread is to bring. A third asks the host's QEMU to take and
/// to give back the device, where it has been told how; nobody waits for that one.
/// </remarks>
internal sealed class EndpointLink : ILinkHandler, IDisposable
{
    private const int FunctionsOfASlot = 8;

    private static readonly TimeSpan s_connectInterval = TimeSpan.FromMilliseconds(200);

    // What a guest takes to let go of a device, where its root port does hot-plug by itself: 5 s, and some.
    private static readonly TimeSpan s_unplugAtEnd = TimeSpan.FromSeconds(8);

    private readonly BridgeOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<ushort, EndpointFunction> _functions = new();
    private readonly BlockingCollection<Action> _orders = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<(EndpointFunction Function, VfioUserServer Server)> _served = [];
    private readonly ConcurrentDictionary<VfioUserServer, EndpointFunction> _retired = new();
    private readonly HotPlugTarget? _target;
    private readonly HotPlugger? _plugger;
    private readonly Thread _orderThread;
    private readonly Thread _thread;
    private volatile LinkConnection? _connection;

    public EndpointLink(BridgeOptions options, ILoggerFactory loggers)
    {
        _options = options;
        _loggers = loggers;
        _logger = loggers.CreateLogger("link");
        _target = options.ParseHotPlug(buses: 1);
        if (_target is not null)
        {
            _plugger = new HotPlugger(
                _target.Path, [.. Enumerable.Range(0, FunctionsOfASlot).Select(IdOf)], loggers.CreateLogger("hot-plug"));
        }

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
        if (_plugger is not null)
        {
            if (!_plugger.Unplug(s_unplugAtEnd))
            {
                _logger.LogWarning(
                    "the host has not let go of the endpoint within {Limit} s: end that guest before it reboots, since its QEMU "
                    + "does not survive that without us",
                    s_unplugAtEnd.TotalSeconds);
            }

            _plugger.Dispose();
        }

        foreach (VfioUserServer server in _retired.Keys)
        {
            server.Dispose();
        }
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
                // The link is down, so nobody uses what the function was before, unless a QEMU still has it.
                if (endpoint is { IsRetired: false })
                {
                    endpoint.Dispose();
                }

                _functions[function] = new EndpointFunction(
                    connection, function, message!, _logger, hidesMsix: _target is not null && !_options.HotPlugMsix);
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

        foreach (EndpointFunction function in _functions.Values)
        {
            function.Disappear();
        }

        using var ended = new ManualResetEventSlim();
        _orders.Add(() =>
        {
            SetServing(false);
            ended.Set();
        });
        ended.Wait();
        _connection = null;
        foreach (EndpointFunction function in _functions.Values.Where(function => !function.IsRetired))
        {
            function.Dispose();
        }

        _functions.Clear();
        connection.Dispose();
        _logger.LogInformation("disconnected from {Path}", _options.Link);
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
        Retire();
        if (serving)
        {
            Serve();
        }
    }

    /// <summary>Takes all functions away from the host.</summary>
    private void Retire()
    {
        if (_served.Count == 0)
        {
            return;
        }

        foreach ((EndpointFunction function, VfioUserServer server) in _served)
        {
            function.Retire();
            _retired[server] = function;
            server.Retire(() =>
            {
                _retired.TryRemove(server, out _);
                function.Dispose();
            });
        }

        _served.Clear();
        _plugger?.Unplug();
    }

    private void Serve()
    {
        List<HotPlugDevice> devices = [];
        foreach ((ushort number, EndpointFunction function) in _functions.OrderBy(entry => entry.Key))
        {
            if (!function.Exists || !function.TryPresent())
            {
                continue;
            }

            string path = _options.SocketOf(number);
            try
            {
                var server = new VfioUserServer(
                    function, path, _loggers.CreateLogger($"function {number}"), _options.ServerOptions);
                _served.Add((function, server));
                _logger.LogInformation("function {Function} is served at {Path}", number, path);
                if (_target is null)
                {
                    continue;
                }

                if (number >= FunctionsOfASlot)
                {
                    _logger.LogWarning(
                        "function {Function} cannot be plugged: a root port takes {Count}", number, FunctionsOfASlot);
                    continue;
                }

                devices.Add(DeviceOf(number, path, server));
            }
            catch (LinuxException error)
            {
                _logger.LogError("function {Function}: {Error}", number, error.Message);
            }
        }

        // The guest looks at the slot when function 0 comes.
        devices.ForEach(device => device.Arguments["multifunction"] = devices.Count > 1);
        devices.Reverse();
        _plugger?.Plug(devices);
    }

    private HotPlugDevice DeviceOf(int function, string path, VfioUserServer server)
    {
        HotPlugDevice device = HotPlugDevice.VfioUser(
            IdOf(function), _target!.Buses[0], path, _options.HotPlugPostsWrites ?? true) with
        {
            IsServed = () => server.IsConnected,
        };
        device.Arguments["addr"] = $"0.{function}";
        return device;
    }

    private static string IdOf(int function) => $"epf{function}";
}
