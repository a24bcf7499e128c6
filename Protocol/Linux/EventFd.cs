using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>An eventfd(2) counter, by which two processes wake each other.</summary>
internal sealed class EventFd : FileDescriptor
{
    // A counter that a peer passed may be blocking and full, and must not make us wait.
    private readonly bool _mayBlock;

    private EventFd(int descriptor)
        : base(descriptor) => _mayBlock = (LibC.fcntl(descriptor, LibC.F_GETFL) & LibC.O_NONBLOCK) == 0;

    /// <summary>A new counter at zero, non-blocking and closed on exec.</summary>
    /// <exception cref="LinuxException">No descriptor is free.</exception>
    public static EventFd Create()
    {
        int descriptor = LibC.eventfd(0, LibC.EFD_CLOEXEC | LibC.EFD_NONBLOCK);
        return descriptor >= 0 ? new EventFd(descriptor) : throw LinuxException.FromLastError("create an eventfd");
    }

    /// <summary>Takes ownership of a descriptor that a peer passed, if it is an eventfd.</summary>
    /// <returns>Null, without taking ownership, for any other file, to which a write could block or do harm, and for an
    /// O_PATH descriptor, which can be neither written nor polled.</returns>
    public static EventFd? TryAdopt(int descriptor)
    {
        try
        {
            return (LibC.fcntl(descriptor, LibC.F_GETFL) & LibC.O_PATH) == 0
                && new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget == "anon_inode:[eventfd]"
                ? new EventFd(descriptor)
                : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>As <see cref="TryAdopt(int)"/>, from its present owner.</summary>
    public static EventFd? TryAdopt(FileDescriptor descriptor)
    {
        EventFd? adopted = TryAdopt(descriptor.Number);
        if (adopted is not null)
        {
            descriptor.SetHandleAsInvalid();
        }

        return adopted;
    }

    /// <summary>Adds one. A counter at its limit stays there, and still wakes its reader.</summary>
    public unsafe void Signal()
    {
        if (_mayBlock && !IsReady(LibC.POLLOUT))
        {
            return;
        }

        ulong one = 1;
        // &one is sizeof(ulong) bytes of this frame.
        _ = LibC.write(Number, &one, sizeof(ulong));
    }

    /// <summary>Reads the counter and sets it to zero.</summary>
    public unsafe ulong Drain()
    {
        if (_mayBlock && !IsReady(LibC.POLLIN))
        {
            return 0;
        }

        ulong count = 0;
        // &count is sizeof(ulong) bytes of this frame.
        return LibC.read(Number, &count, sizeof(ulong)) == sizeof(ulong) ? count : 0;
    }

    private unsafe bool IsReady(short events)
    {
        var poll = new pollfd { fd = Number, events = events };
        return LibC.poll(&poll, 1, 0) == 1 && (poll.revents & events) != 0;
    }
}
