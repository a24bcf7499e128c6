using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Kit;

/// <summary>Eventfds made without EFD_NONBLOCK, on which a careless writer or reader waits.</summary>
internal static class BlockingEventFd
{
    /// <summary>One at zero: a read of it blocks.</summary>
    public static EventFd CreateEmpty() => EventFd.TryAdopt(LibC.eventfd(0, LibC.EFD_CLOEXEC))!;

    /// <summary>One at its limit: a write to it blocks.</summary>
    public static unsafe EventFd CreateFull()
    {
        EventFd full = CreateEmpty();
        ulong most = ulong.MaxValue - 1;
        // &most is sizeof(ulong) bytes of this frame.
        return LibC.write(full.Number, &most, sizeof(ulong)) == sizeof(ulong)
            ? full
            : throw LinuxException.FromLastError("fill an eventfd");
    }
}
