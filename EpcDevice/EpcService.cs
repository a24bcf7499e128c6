using System.Text.Json.Nodes;
using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Hosting.Qmp;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.VfioUser;
using EpfTest.Protocol.VhostUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice;

/// <summary>Composes the process: the controller, the link to the bridge, and the servers for the EP guest.</summary>
internal sealed class EpcService : IDisposable
{
    private const string ControllerId = "epc";
    private const string WindowId = "epc-window";

    // A guest takes 5 s to release a device below a root port with native hot-plug.
    private static readonly TimeSpan s_unplugAtEnd = TimeSpan.FromSeconds(8);

    private readonly EpcController _controller;
    private readonly EndpointPort _link;
    private readonly VfioUserServer _server;
    private readonly VhostUserServer? _window;
    private readonly HotPlugger? _plugger;
    private readonly ILogger _logger;

    /// <summary>Creates the sockets and serves them.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="loggers">The loggers.</param>
    /// <param name="fail">Ends the process, with the reason, where going on would do harm.</param>
    public EpcService(EpcOptions options, ILoggerFactory loggers, Action<string> fail)
    {
        ILogger logger = loggers.CreateLogger("epc");
        HotPlugTarget? target = options.ParseHotPlug(buses: options.Window is null ? 1 : 2);
        (ushort Vendor, ushort Device) id = options.ParsePciId();
        _logger = logger;
        EndpointPort? link = null;
        _controller = new EpcController(
            endpoint => link = new EndpointPort(
                endpoint,
                options.Link,
                new LinkSettings(LinkRole.Endpoint, options.LinkCapabilities)
                {
                    Timeouts = options.LinkTimeouts,
                    OnWait = ReceiveProgress.ThreadWaits,
                },
                options.Peers,
                loggers.CreateLogger("link")),
            logger,
            fail,
            options.MapBars,
            options.ParseWindowSize());
        _link = link!;
        var device = new EpcPciDevice(id, _controller, logger, hasMsix: target is null || options.HotPlugMsix);
        try
        {
            if (options.Window is not null)
            {
                _window = new VhostUserServer(
                    _controller.MappedWindow, options.Window, options.Peers, loggers.CreateLogger("window"));
            }

            _server = new VfioUserServer(
                device, options.Socket, loggers.CreateLogger("vfio-user"), options.ServerOptions);
        }
        catch
        {
            _window?.Dispose();
            _link.Dispose();
            _controller.Dispose();
            throw;
        }

        _link.Start();
        if (target is not null)
        {
            _plugger = new HotPlugger(target.Path, [WindowId, ControllerId], loggers.CreateLogger("hot-plug"));
            _plugger.Plug(DevicesFor(target, options));
        }
    }

    /// <summary>The EP guest's devices: the window first, because the controller's driver looks for it.</summary>
    private List<HotPlugDevice> DevicesFor(HotPlugTarget target, EpcOptions options)
    {
        List<HotPlugDevice> devices = [];
        if (options.Window is not null)
        {
            // The same as in qemu-configs/window.args.
            var arguments = new JsonObject
            {
                ["driver"] = "vhost-user-test-device-pci",
                ["bus"] = target.Buses[1],
                ["chardev"] = WindowId,
                ["virtio-id"] = 6,
                ["num_vqs"] = 1,
                ["config_size"] = 8,
            };
            devices.Add(new HotPlugDevice(WindowId, arguments)
            {
                CharacterDevice = options.Window,
                IsServed = () => _window!.IsConnected,
            });
        }

        bool postsWrites = options.HotPlugPostsWrites ?? options.DataPath == DataPath.Tlp;
        devices.Add(HotPlugDevice.VfioUser(
            ControllerId, target.Buses[0], options.Socket, postsWrites, options.QemuTimeout) with
        {
            IsServed = () => _server.IsConnected,
        });
        return devices;
    }

    /// <summary>Ends the EP guest's side first, so that the bridge learns that the link goes down.</summary>
    public void Dispose()
    {
        if (_plugger is not null)
        {
            if (!_plugger.Unplug(s_unplugAtEnd))
            {
                _logger.LogWarning(
                    "timeout: the EP guest has not released the controller within {Limit} s; end that guest before it "
                    + "reboots, since its QEMU does not survive a reboot without this process",
                    s_unplugAtEnd.TotalSeconds);
            }

            _plugger.Dispose();
        }

        _server.Dispose();
        _window?.Dispose();
        _controller.Dispose();
        _link.Dispose();
    }
}
