using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Fuzz;

/// <summary>The vfio-user server and a client.</summary>
internal sealed class VfioUserTarget : SocketTarget
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("epftest-fuzz-");
    private readonly FuzzDevice _device = new();
    private readonly VfioUserServer _server;

    /// <summary>A server, whose own socket is not used here.</summary>
    public VfioUserTarget() => _server = new VfioUserServer(
        _device,
        Path.Combine(_folder.FullName, "device.sock"),
        NullLogger.Instance,
        new VfioUserServerOptions { SendTimeout = Patience });

    protected override int LengthOffset => 4;

    protected override int LengthExcludes => 0;

    /// <summary>VFIO_USER_VERSION 0.0 without capabilities.</summary>
    protected override ReadOnlySpan<byte> Greeting =>
    [
        1, 0, 1, 0, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}', 0,
    ];

    protected override void Serve(UnixSocket socket) => _server.Serve(socket);

    protected override void ExpectNothingLeft()
    {
        if (_server.Memory.Count != 0)
        {
            throw new FindingException($"{_server.Memory.Count} ranges of a client that is gone are still there");
        }

        if (_server.Interrupts.Trigger(IrqIndex.Msix, 0))
        {
            throw new FindingException("interrupts of a client that is gone are still enabled");
        }
    }

    public override void Dispose()
    {
        _server.Dispose();
        _device.Dispose();
        _folder.Delete(recursive: true);
        base.Dispose();
    }
}
