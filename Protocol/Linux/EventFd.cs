using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>An eventfd(2) counter, by which two processes wake each other.</summary>
internal sealed class EventFd : FileDescriptor
{
    // A peer may pass a blocking counter that is full, and must not make us wait with it.
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

    /// <summary>Takes ownership of a descriptor that a peer passed, where it is an eventfd.</summary>
    /// <returns>Null where it is anything else, on which a write could wait or do harm, or only the name of one (O_PATH), which
    /// can be neither written nor watched; it is then left alone.</returns>
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

    /// <summary>As <see cref="TryAdopt(int)"/>, from the one who owned it so far.</summary>
    public static EventFd? TryAdopt(FileDescriptor descriptor)
    {
        EventFd? adopted = TryAdopt(descriptor.Number);
        if (adopted is not null)
        {
            descriptor.SetHandleAsInvalid();
        }

        return adopted;
    }

    /// <summary>Adds one. A counter at its limit stays there, and wakes its reader all the same.</summary>
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

    /// <summary>Reads the counter and sets it to zero; 0 where it was zero.</summary>
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
