using EpfTest.EpcDevice.HostSide;
using EpfTest.Protocol.VfioUser;
using EpfTest.Protocol.VhostUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice;

/// <summary>The process's parts: the controller between the link to the bridge and the server for the EP guest.</summary>
internal sealed class EpcService : IDisposable
{
    private readonly EpcController _controller;
    private readonly BridgeLink _link;
    private readonly VfioUserServer _server;
    private readonly VhostUserServer? _window;

    /// <summary>Makes the sockets and serves them.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="loggers">Told what happens.</param>
    /// <param name="fail">Ends the process, with the reason, where going on would do harm.</param>
    public EpcService(EpcOptions options, ILoggerFactory loggers, Action<string> fail)
    {
        ILogger logger = loggers.CreateLogger("epc");
        (ushort Vendor, ushort Device) id = options.ParsePciId();
        _controller = new EpcController(logger, fail, options.MapBars, options.ParseWindowSize());
        var device = new EpcPciDevice(id, _controller, logger);
        _link = new BridgeLink(
            _controller,
            options.Link,
            options.LinkCapabilities,
            options.LinkTimeouts,
            options.Peers,
            loggers.CreateLogger("link"));
        try
        {
            _controller.AttachLink(_link);
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
    }

    /// <summary>Ends all; the EP guest first, so that the bridge is told that the link goes down.</summary>
    public void Dispose()
    {
        _server.Dispose();
        _window?.Dispose();
        _controller.Dispose();
        _link.Dispose();
    }
}
