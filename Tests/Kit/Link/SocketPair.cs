using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.Link;

/// <summary>Both ends of a Unix stream connection; they are their users' to dispose.</summary>
internal sealed class SocketPair
{
    private SocketPair(UnixSocket left, UnixSocket right) => (Left, Right) = (left, right);

    public UnixSocket Left { get; }

    public UnixSocket Right { get; }

    public static SocketPair Create()
    {
        using var folder = new TemporaryFolder();
        using var listener = UnixListener.Listen(folder.File("link.sock"));
        var left = UnixSocket.Connect(listener.Path);
        return new SocketPair(left, listener.Accept()!);
    }
}
