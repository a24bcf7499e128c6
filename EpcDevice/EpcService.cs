using EpfTest.EpcDevice.HostSide;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice;

/// <summary>The process's parts: the controller between the link to the bridge and the server for the EP guest.</summary>
internal sealed class EpcService : IDisposable
{
    private readonly EpcController _controller;
    private readonly BridgeLink _link;
    private readonly VfioUserServer _server;

    /// <summary>Makes both sockets and serves them.</summary>
    public EpcService(EpcOptions options, ILoggerFactory loggers)
    {
        ILogger logger = loggers.CreateLogger("epc");
        _controller = new EpcController(logger);
        var device = new EpcPciDevice(options.ParsePciId(), _controller, logger);
        _link = new BridgeLink(_controller, options.Link, options.LinkCapabilities, loggers.CreateLogger("link"));
        try
        {
            _controller.AttachLink(_link);
            _server = new VfioUserServer(device, options.Socket, loggers.CreateLogger("vfio-user"), options.Poll);
        }
        catch
        {
            _link.Dispose();
            _controller.Dispose();
            throw;
        }

        _link.Start();
    }

    /// <summary>Ends both; the EP guest first, so that the bridge is told that the link goes down.</summary>
    public void Dispose()
    {
        _server.Dispose();
        _controller.Dispose();
        _link.Dispose();
    }
}
