using EpfTest.EpfBridge;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Fuzz;

/// <summary>EpfBridge's end of the link; the fuzzer is EpcDevice. The host's QEMU connects with the link.</summary>
internal sealed class LinkBridgeTarget : LinkTarget
{
    private readonly RootPort _link;
    private readonly RefusalLog _refusals = new(NullLogger.Instance);

    public LinkBridgeTarget()
        : base(LinkRole.Endpoint) => _link = new RootPort(
            new BridgeOptions { DataPath = DataPath.Direct },
            NullLoggerFactory.Instance,
            static (_, function) =>
            {
                var host = new FuzzGuest(function.IrqCounts);
                function.Attach(host);
                function.Present();
                return host;
            },
            Timeouts);

    protected override void Serve(IFrameTransport transport) => _link.Serve(transport, _refusals);

    public override void Dispose()
    {
        _link.Dispose();
        base.Dispose();
    }
}
