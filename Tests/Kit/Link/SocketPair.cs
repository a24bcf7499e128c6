using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Kit.Link;

/// <summary>Both ends of a Unix stream connection; they are their users' to dispose.</summary>
internal sealed unsafe class SocketPair
{
    private SocketPair(UnixSocket left, UnixSocket right) => (Left, Right) = (left, right);

    public UnixSocket Left { get; }

    public UnixSocket Right { get; }

    public static SocketPair Create()
    {
        int* pair = stackalloc int[2];
        // Two descriptors.
        return LibC.socketpair(LibC.AF_UNIX, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, 0, pair) == 0
            ? new SocketPair(new UnixSocket(pair[0]), new UnixSocket(pair[1]))
            : throw LinuxException.FromLastError("make a pair of sockets");
    }
}
