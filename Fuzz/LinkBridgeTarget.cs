using EpfTest.EpfBridge;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;
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
            static function =>
            {
                var host = new FakeGuest(function.IrqCounts, maxSignals: 1);
                foreach (IrqIndex type in (IrqIndex[])[IrqIndex.Intx, IrqIndex.Msi])
                {
                    if (function.IrqCounts[(int)type] > 0)
                    {
                        host.Interrupts.SetSignal(type, 0, EventFd.Create());
                    }
                }

                host.Memory.Map(
                    0,
                    FakeGuest.RamSize,
                    DmaAccess.Read | DmaAccess.Write,
                    host.Ram.Descriptor.Duplicate(),
                    0,
                    mayMap: true,
                    out DmaRange _);
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
