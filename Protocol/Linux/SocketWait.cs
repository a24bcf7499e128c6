using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>Lets one thread wait for a socket, except while another thread receives from it.</summary>
/// <remarks>
/// A thread that waits in recvmsg(2) is woken in vain each time the peer receives something (unix_write_space() in
/// net/unix/af_unix.c), which also delays the peer, by 10 us if they run on different cores.
/// </remarks>
internal sealed class SocketWait : IDisposable
{
    private readonly UnixSocket _socket;
    private readonly FileDescriptor _epoll;

    /// <summary>Waits for <paramref name="socket"/>, which stays the caller's.</summary>
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

    /// <summary>Makes a wait ignore input, unless it is just ending; it still ends when the peer hangs up.</summary>
    public void Suspend() => Control(LibC.EPOLL_CTL_MOD, 0);

    /// <summary>Ends <see cref="Suspend"/>.</summary>
    public void Resume() => Control(LibC.EPOLL_CTL_MOD, LibC.EPOLLIN);

    /// <summary>Waits for input or until the peer hangs up; a signal ends it, too.</summary>
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
