using System.Collections.Concurrent;
using EpfTest.Protocol.Hosting.Qmp;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <summary>
/// Serves functions to the host's QEMU while the link is up, on a socket each, and plugs and unplugs them if told how.
/// A QEMU that has a function when the link goes down is answered, with all ones, until it lets go.
/// </summary>
/// <remarks>For one thread at a time, which waits for serving threads.</remarks>
internal sealed class FunctionServers : IDisposable
{
    // A guest whose root port does native hot-plug takes 5 s and some to let go of a device.
    private static readonly TimeSpan s_unplugAtEnd = TimeSpan.FromSeconds(8);

    private readonly BridgeOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly Func<RemoteFunction, IDisposable?> _serve;
    private readonly List<(RemoteFunction Function, IDisposable Server)> _served = [];
    private readonly ConcurrentDictionary<VfioUserServer, RemoteFunction> _retired = new();
    private readonly HotPlugTarget? _target;
    private readonly HotPlugger? _plugger;

    /// <summary>Serves nothing yet.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="loggers">Make a logger for each part.</param>
    /// <param name="serve">Serves a function until disposed, and waits for nobody; null for a vfio-user socket.</param>
    public FunctionServers(
        BridgeOptions options, ILoggerFactory loggers, Func<RemoteFunction, IDisposable?>? serve)
    {
        _options = options;
        _loggers = loggers;
        _logger = loggers.CreateLogger("link");
        _serve = serve ?? ServeToQemu;
        _target = serve is null ? options.ParseHotPlug(buses: 1) : null;
        if (_target is not null)
        {
            _plugger = new HotPlugger(
                _target.Path,
                [.. Enumerable.Range(0, FunctionId.MaxPhysical).Select(static number => IdOf(new FunctionId(number)))],
                loggers.CreateLogger("hot-plug"));
        }
    }

    /// <summary>Whether functions are shown without MSI-X, since QEMU does not survive unplugging that.</summary>
    public bool HidesMsix => _target is not null && !_options.HotPlugMsix;

    /// <summary>Offers functions to the host.</summary>
    public void Serve(IEnumerable<RemoteFunction> functions)
    {
        List<HotPlugDevice> devices = [];
        foreach (RemoteFunction function in functions.OrderBy(static function => function.Id.Number))
        {
            if (!function.Exists)
            {
                continue;
            }

            try
            {
                if (_serve(function) is not { } server)
                {
                    continue;
                }

                _served.Add((function, server));
                if (_target is null || server is not VfioUserServer qemu)
                {
                    continue;
                }

                if (function.Id.Number >= FunctionId.MaxPhysical)
                {
                    _logger.LogWarning(
                        "function {Function} cannot be plugged: a root port takes {Count}",
                        function.Id,
                        FunctionId.MaxPhysical);
                    continue;
                }

                devices.Add(DeviceOf(function.Id, _options.SocketOf(function.Id), qemu));
            }
            catch (LinuxException error)
            {
                _logger.LogError("function {Function}: {Error}", function.Id, error.Message);
            }
        }

        // The guest scans the slot when function 0 comes.
        devices.ForEach(device => device.Arguments["multifunction"] = devices.Count > 1);
        devices.Reverse();
        _plugger?.Plug(devices);
    }

    /// <summary>Takes all functions away from the host.</summary>
    public void Retire()
    {
        if (_served.Count == 0)
        {
            return;
        }

        foreach ((RemoteFunction function, IDisposable server) in _served)
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

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_plugger is not null)
        {
            if (!_plugger.Unplug(s_unplugAtEnd))
            {
                _logger.LogWarning(
                    "timeout: the host has not released the endpoint within {Limit} s: end that guest before it "
                    + "reboots, since its QEMU does not survive a reboot without this process",
                    s_unplugAtEnd.TotalSeconds);
            }

            _plugger.Dispose();
        }

        foreach (VfioUserServer server in _retired.Keys)
        {
            server.Dispose();
        }
    }

    private VfioUserServer? ServeToQemu(RemoteFunction function)
    {
        if (!function.TryPresent())
        {
            return null;
        }

        string path = _options.SocketOf(function.Id);
        var server = new VfioUserServer(
            function, path, _loggers.CreateLogger($"function {function.Id}"), _options.ServerOptions);
        _logger.LogInformation("function {Function} is served at {Path}", function.Id, path);
        return server;
    }

    private HotPlugDevice DeviceOf(FunctionId function, string path, VfioUserServer server)
    {
        HotPlugDevice device = HotPlugDevice.VfioUser(
            IdOf(function), _target!.Buses[0], path, _options.HotPlugPostsWrites ?? true, _options.QemuTimeout) with
        {
            IsServed = () => server.IsConnected,
        };
        device.Arguments["addr"] = $"0.{function}";
        return device;
    }

    private static string IdOf(FunctionId function) => $"epf{function}";
}
