using EpfTest.Kit;
using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Fuzz;

/// <summary>Descriptors that a peer may pass: valid memory and eventfds, and many invalid ones.</summary>
internal sealed unsafe class PeerDescriptors : IDisposable
{
    /// <summary>Bytes of the files that are memory.</summary>
    public const int MemorySize = 1 << 16;

    /// <summary>Bytes of the file that is too short.</summary>
    public const int ShortSize = 100;

    private const int Fresh = -1;
    private const int FreshAndFull = -2;

    private readonly Memfd _memory = Memfd.Create(MemorySize);
    private readonly Memfd _unsealed = Memfd.Create(MemorySize, canShrink: true);
    private readonly Memfd _short = Memfd.Create(ShortSize);
    private readonly List<FileDescriptor> _others = [];
    private readonly int[] _numbers;
    private EventFd _fresh = EventFd.Create();

    /// <summary>Opens one of each.</summary>
    public PeerDescriptors()
    {
        int* pipe = stackalloc int[2];
        int* pair = stackalloc int[2];
        // Two descriptors each.
        _ = LibC.pipe2(pipe, LibC.O_CLOEXEC);
        _ = LibC.socketpair(LibC.AF_UNIX, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, 0, pair);
        FileDescriptor eventFd = Keep(EventFd.Create());
        _numbers =
        [
            _memory.Descriptor.Number,
            _unsealed.Descriptor.Number,
            _short.Descriptor.Number,
            Keep(_memory.OpenReadOnly()).Number,
            Fresh,
            FreshAndFull,
            Open($"/proc/self/fd/{eventFd.Number}", LibC.O_PATH),
            Open($"/proc/self/fd/{_memory.Descriptor.Number}", LibC.O_PATH),
            Open($"/proc/self/fd/{_memory.Descriptor.Number}", LibC.O_WRONLY),
            Open("/", LibC.O_RDONLY | LibC.O_DIRECTORY),
            Open("/dev/null", LibC.O_RDWR),
            Open("/proc/self/status", LibC.O_RDONLY),
            Keep(new FileDescriptor(pipe[0])).Number,
            Keep(new FileDescriptor(pipe[1])).Number,
            Keep(new FileDescriptor(pair[0])).Number,
            Keep(new FileDescriptor(LibC.epoll_create1(LibC.EPOLL_CLOEXEC))).Number,
        ];
        Keep(new FileDescriptor(pair[1]));
    }

    /// <summary>So many copies of the kind that is asked for, valid until the next call.</summary>
    public void Fill(int kind, Span<int> numbers)
    {
        if (numbers.IsEmpty)
        {
            return;
        }

        int number = _numbers[kind % _numbers.Length];
        if (number < 0)
        {
            // A new one each time: nobody else signals it.
            _fresh.Dispose();
            _fresh = number == Fresh ? EventFd.Create() : Full();
            number = _fresh.Number;
        }

        numbers.Fill(number);
    }

    /// <summary>An eventfd that blocks who adds to it.</summary>
    private static EventFd Full()
    {
        ulong most = ulong.MaxValue - 1;
        int descriptor = LibC.eventfd(0, LibC.EFD_CLOEXEC);
        // &most is sizeof(ulong) bytes of this frame.
        _ = LibC.write(descriptor, &most, sizeof(ulong));
        return EventFd.TryAdopt(descriptor)!;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _fresh.Dispose();
        _others.ForEach(static other => other.Dispose());
        _memory.Dispose();
        _unsealed.Dispose();
        _short.Dispose();
    }

    private int Open(string path, int flags)
    {
        // The bytes end with a zero.
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(path + '\0'))
        {
            int descriptor = LibC.open(name, flags | LibC.O_CLOEXEC);
            return descriptor >= 0
                ? Keep(new FileDescriptor(descriptor)).Number
                : throw LinuxException.FromLastError($"open {path}");
        }
    }

    private FileDescriptor Keep(FileDescriptor descriptor)
    {
        _others.Add(descriptor);
        return descriptor;
    }
}
