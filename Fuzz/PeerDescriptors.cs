using EpfTest.Kit;
using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Fuzz;

/// <summary>Descriptors that a peer may pass: valid memory and eventfds, and many invalid ones.</summary>
internal sealed unsafe class PeerDescriptors : IDisposable
{
    private const int MemorySize = 1 << 16;
    private const int ShortSize = 100;
    private const int Fresh = -1;
    private const int FreshAndFull = -2;

    private readonly Memfd _memory = Memfd.Create(MemorySize);
    private readonly Memfd _unsealed = Memfd.Create(MemorySize, canShrink: true);
    private readonly Memfd _short = Memfd.Create(ShortSize);
    private readonly List<FileDescriptor> _others = [];
    private readonly int[] _numbers;
    private EventFd _fresh = EventFd.Create();

    public PeerDescriptors()
    {
        int* pipe = stackalloc int[2];
        // Two descriptors.
        _ = LibC.pipe2(pipe, LibC.O_CLOEXEC);
        _numbers =
        [
            _memory.Descriptor.Number,
            _unsealed.Descriptor.Number,
            _short.Descriptor.Number,
            Keep(_memory.OpenReadOnly()),
            Fresh,
            FreshAndFull,
            Keep(OddDescriptors.Open("the name of an eventfd")),
            Keep(OddDescriptors.Open("the name of memory")),
            Keep(OddDescriptors.Open($"/proc/self/fd/{_memory.Descriptor.Number}", LibC.O_WRONLY)),
            Keep(OddDescriptors.Open("a directory")),
            Keep(OddDescriptors.Open("/dev/null")),
            Keep(OddDescriptors.Open("a file of /proc")),
            Keep(new FileDescriptor(pipe[0])),
            Keep(new FileDescriptor(pipe[1])),
            Keep(OddDescriptors.Open("a socket")),
            Keep(OddDescriptors.Open("an epoll descriptor")),
        ];
    }

    /// <summary>Copies of a descriptor of a kind, valid until the next call.</summary>
    public void Fill(int kind, Span<int> numbers)
    {
        if (numbers.IsEmpty)
        {
            return;
        }

        int number = _numbers[kind % _numbers.Length];
        if (number < 0)
        {
            // A new one each time, which nobody else signals.
            _fresh.Dispose();
            _fresh = number == Fresh ? EventFd.Create() : BlockingEventFd.CreateFull();
            number = _fresh.Number;
        }

        numbers.Fill(number);
    }

    public void Dispose()
    {
        _fresh.Dispose();
        _others.ForEach(static other => other.Dispose());
        _memory.Dispose();
        _unsealed.Dispose();
        _short.Dispose();
    }

    private int Keep(FileDescriptor descriptor)
    {
        _others.Add(descriptor);
        return descriptor.Number;
    }
}
