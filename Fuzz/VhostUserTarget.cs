using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VhostUser;
using Microsoft.Extensions.Logging.Abstractions;

namespace EpfTest.Fuzz;

/// <summary>The vhost-user server of the mapped window and a front-end.</summary>
internal sealed class VhostUserTarget : SocketTarget
{
    private readonly Window _window = new();

    protected override int LengthOffset => 8;

    protected override int LengthExcludes => VhostUserHeader.Length;

    protected override void Serve(UnixSocket socket)
    {
        using var connection = new VhostUserConnection(socket, _window, NullLogger.Instance, Patience);
        connection.Run();
    }

    protected override void ExpectNothingLeft()
    {
        if (_window.Backend is not null)
        {
            throw new FindingException("the window of a front-end that is gone is still in use");
        }
    }

    private sealed class Window : IWindowDevice
    {
        private readonly byte[] _config = new byte[8];

        public IWindowBackend? Backend { get; private set; }

        public ulong Size => 1 << 28;

        public ReadOnlySpan<byte> Config => _config;

        public void Started(IWindowBackend backend)
        {
            if (Backend is not null)
            {
                throw new FindingException("the window was started twice");
            }

            Backend = backend;
        }

        public void Stopped() => Backend = null;
    }
}
