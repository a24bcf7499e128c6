using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Kit;

/// <summary>Descriptors that a peer should not pass, by name.</summary>
internal static unsafe class OddDescriptors
{
    /// <summary>Files that are too short, not writable, or no memory.</summary>
    public static IEnumerable<string> Files =>
        ["read-only memory", "the name of memory", "too short a file", "a file of /proc"];

    /// <summary>No files at all.</summary>
    public static IEnumerable<string> Others =>
    [
        "a directory", "/dev/null", "a pipe", "a socket", "an eventfd", "the name of an eventfd", "an epoll descriptor",
    ];

    /// <summary>All of them.</summary>
    public static IEnumerable<string> All => [.. Files, .. Others];

    /// <summary>Opens one; it is the caller's.</summary>
    public static FileDescriptor Open(string what)
    {
        using var memory = Memfd.Create(0x1_0000);
        using var signal = EventFd.Create();
        int* ends = stackalloc int[2];
        switch (what)
        {
            case "read-only memory":
                return memory.OpenReadOnly();
            case "the name of memory":
                return Open($"/proc/self/fd/{memory.Descriptor.Number}", LibC.O_PATH);
            case "too short a file":
                using (var file = Memfd.Create(0xfff))
                {
                    return file.Descriptor.Duplicate();
                }

            case "a file of /proc":
                return Open("/proc/self/comm", LibC.O_RDWR);
            case "a directory":
                return Open("/", LibC.O_RDONLY | LibC.O_DIRECTORY);
            case "/dev/null":
                return Open(what, LibC.O_RDWR);
            case "a pipe":
                // Two descriptors.
                Assert.That(LibC.pipe2(ends, LibC.O_CLOEXEC), Is.Zero);
                new FileDescriptor(ends[1]).Dispose();
                return new FileDescriptor(ends[0]);
            case "a socket":
                // Likewise.
                Assert.That(LibC.socketpair(LibC.AF_UNIX, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, 0, ends), Is.Zero);
                new FileDescriptor(ends[1]).Dispose();
                return new FileDescriptor(ends[0]);
            case "an eventfd":
                return signal.Duplicate();
            case "the name of an eventfd":
                return Open($"/proc/self/fd/{signal.Number}", LibC.O_PATH);
            case "an epoll descriptor":
                return new FileDescriptor(LibC.epoll_create1(LibC.EPOLL_CLOEXEC));
            default:
                throw new ArgumentException(what);
        }
    }

    public static FileDescriptor Open(string path, int flags)
    {
        // The bytes end with a zero.
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(path + '\0'))
        {
            int descriptor = LibC.open(name, flags | LibC.O_CLOEXEC);
            return descriptor >= 0
                ? new FileDescriptor(descriptor)
                : throw LinuxException.FromLastError($"open {path}");
        }
    }
}
