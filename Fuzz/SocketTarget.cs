using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Fuzz;

/// <summary>A server whose peer is at the other end of a Unix socket.</summary>
internal abstract unsafe class SocketTarget : StreamTarget
{
    /// <summary>Serves the peer until it has hung up.</summary>
    protected abstract void Serve(UnixSocket socket);

    protected sealed override void Run(ReadOnlySpan<byte> input)
    {
        int* pair = stackalloc int[2];
        // Two descriptors.
        if (LibC.socketpair(LibC.AF_UNIX, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, 0, pair) != 0)
        {
            throw LinuxException.FromLastError("make a pair of sockets");
        }

        using var peer = new UnixSocket(pair[0]);
        using var ours = new UnixSocket(pair[1]);
        Send((bytes, descriptors) => peer.TrySend(bytes, descriptors, out _) == Errno.None, input);
        _ = LibC.shutdown(peer.Number, LibC.SHUT_WR);
        Serve(ours);
        ours.Dispose();
        peer.Dispose();
        ExpectNothingLeft();
    }
}
