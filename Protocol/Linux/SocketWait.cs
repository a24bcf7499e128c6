using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>Where one thread waits for a socket, unless another has said that it receives from it meanwhile.</summary>
/// <remarks>
/// A thread that waits in recvmsg(2) is woken, for nothing, each time the peer takes something that was sent to it
/// (unix_write_space() in net/unix/af_unix.c), and the peer waits for that, too: 10 us where they have different cores.
/// </remarks>
internal sealed class SocketWait : IDisposable
{
    private readonly UnixSocket _socket;
    private readonly FileDescriptor _epoll;

    /// <summary>Where to wait for <paramref name="socket"/>, which stays the caller's.</summary>
    /// <exception cref="LinuxException">No descriptor is free.</exception>
    public SocketWait(UnixSocket socket)
    {
        _socket = socket;
        int descriptor = LibC.epoll_create1(LibC.EPOLL_CLOEXEC);
        _epoll = descriptor >= 0
            ? new FileDescriptor(descriptor)
            : throw LinuxException.FromLastError("create an epoll descriptor");
        Control(LibC.EPOLL_CTL_ADD, LibC.EPOLLIN);
    }

    /// <summary>Has a wait go on whatever comes, unless it is just about to end, until the peer hangs up.</summary>
    public void Suspend() => Control(LibC.EPOLL_CTL_MOD, 0);

    /// <summary>Takes that back.</summary>
    public void Resume() => Control(LibC.EPOLL_CTL_MOD, LibC.EPOLLIN);

    /// <summary>Waits until something is there, or the peer has hung up; ends for a signal, too.</summary>
    public unsafe void Wait()
    {
        epoll_event ignored;
        // One event is asked for, and there is room for one.
        _ = LibC.epoll_wait(_epoll.Number, &ignored, 1, -1);
    }

    public void Dispose() => _epoll.Dispose();

    private unsafe void Control(int operation, int events)
    {
        var entry = new epoll_event { events = events };
        if (LibC.epoll_ctl(_epoll.Number, operation, _socket.Number, &entry) != 0)
        {
            throw LinuxException.FromLastError("wait for a socket");
        }
    }
}
