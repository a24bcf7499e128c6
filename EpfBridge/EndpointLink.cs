using System.Collections.Concurrent;
using EpfTest.Protocol.Hosting.Qmp;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.Tlp;
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

    // EpcDevice waits for each; some may be left of what it gave up waiting for.
    private const int MaxOrders = 16;

    // A device of 8 functions each: what fits on a bus.
    private const int MaxFunctions = 256;

    private static readonly TimeSpan s_connectInterval = TimeSpan.FromMilliseconds(200);

    // What a guest takes to let go of a device, where its root port does hot-plug by itself: 5 s, and some.
    private static readonly TimeSpan s_unplugAtEnd = TimeSpan.FromSeconds(8);

    private readonly BridgeOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly LinkCapabilities _capabilities;
    private readonly LinkTimeouts _timeouts;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<ushort, EndpointFunction> _functions = new();
    private readonly BlockingCollection<Action> _orders = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Func<ushort, EndpointFunction, IDisposable?> _serve;
    private readonly List<(EndpointFunction Function, IDisposable Server)> _served = [];
    private readonly ConcurrentDictionary<VfioUserServer, EndpointFunction> _retired = new();
    private readonly HotPlugTarget? _target;
    private readonly HotPlugger? _plugger;
    private readonly Thread? _orderThread;
    private readonly Thread? _thread;
    private volatile LinkConnection? _connection;

    /// <summary>Connects to EpcDevice, and serves functions to QEMU.</summary>
    public EndpointLink(BridgeOptions options, ILoggerFactory loggers)
        : this(options, loggers, null)
    {
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

    /// <summary>Connects to nobody, and has no threads: what is on the link is for
    /// <see cref="Serve(UnixSocket, RefusalLog, LinkTimeouts?)"/>.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="loggers">Told what happens.</param>
    /// <param name="serve">Serves a function, by its number, until disposed; waits for nobody.</param>
    internal EndpointLink(
        BridgeOptions options, ILoggerFactory loggers, Func<ushort, EndpointFunction, IDisposable?>? serve)
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
            case FrameKind.Function when function < MaxFunctions && FunctionMessage.TryRead(payload, out FunctionMessage? message):
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

        foreach (EndpointFunction function in _functions.Values)
        {
            function.Disappear();
        }

        using var ended = new ManualResetEventSlim();
        Post(() =>
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

        foreach ((EndpointFunction function, IDisposable server) in _served)
        {
            function.Retire();
            if (server is not VfioUserServer qemu)
            {
                server.Dispose();
                function.Dispose();
                continue;
            }

            _retired[qemu] = function;
            qemu.Retire(() =>
            {
                _retired.TryRemove(qemu, out _);
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
            if (!function.Exists)
            {
                continue;
            }

            try
            {
                if (_serve(number, function) is not { } server)
                {
                    continue;
                }

                _served.Add((function, server));
                if (_target is null || server is not VfioUserServer qemu)
                {
                    continue;
                }

                if (number >= FunctionsOfASlot)
                {
                    _logger.LogWarning(
                        "function {Function} cannot be plugged: a root port takes {Count}", number, FunctionsOfASlot);
                    continue;
                }

                devices.Add(DeviceOf(number, _options.SocketOf(number), qemu));
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

    private VfioUserServer? ServeToQemu(ushort number, EndpointFunction function)
    {
        if (!function.TryPresent())
        {
            return null;
        }

        string path = _options.SocketOf(number);
        var server = new VfioUserServer(
            function, path, _loggers.CreateLogger($"function {number}"), _options.ServerOptions);
        _logger.LogInformation("function {Function} is served at {Path}", number, path);
        return server;
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
