using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Kit.EpcDevice;

/// <summary>
/// The EP guest as its vfio-user connection shows it: RAM that it shares, a page that only messages reach, and an
/// eventfd for each vector.
/// </summary>
internal sealed class FakeGuest : IVfioUserClient, IDmaMessenger, IDisposable
{
    public const ulong RamAddress = 0x10_0000;
    public const int RamSize = 8 << 20;
    public const ulong MessageAddress = 0x4000_0000;
    public const int MessageSize = 4096;

    private readonly EventFd[] _signals;

    /// <param name="irqCounts">Vectors of each type.</param>
    /// <param name="maxSignals">For how many MSI-X vectors there is an eventfd.</param>
    public FakeGuest(IReadOnlyList<int> irqCounts, int maxSignals = int.MaxValue)
    {
        Memory = new DmaTable(this);
        Interrupts = new InterruptTable(irqCounts);
        _signals = new EventFd[Math.Min(irqCounts[(int)IrqIndex.Msix], maxSignals)];
        for (int i = 0; i < _signals.Length; i++)
        {
            _signals[i] = EventFd.Create();
            Interrupts.SetSignal(IrqIndex.Msix, i, EventFd.TryAdopt(TakeCopy(_signals[i])));
        }
    }

    public DmaTable Memory { get; }

    public InterruptTable Interrupts { get; }

    public bool HasPendingPostedWrites => false;

    public bool HasLeft => true;

    public bool DrainPostedWrites() => true;

    public Memfd Ram { get; } = Memfd.Create(RamSize);

    public byte[] MessageMemory { get; } = new byte[MessageSize];

    /// <summary>Called in the middle of each access by messages.</summary>
    public Action? DuringMessage { get; set; }

    /// <summary>How often a vector has fired since the last time that this was asked.</summary>
    public int Fired(int vector) => (int)_signals[vector].Drain();

    /// <summary>Waits until a vector has fired.</summary>
    public void WaitForVector(int vector) =>
        Assert.That(
            SpinWait.SpinUntil(() => Fired(vector) > 0, EpcRig.Limit), Is.True, $"vector {vector} did not fire");

    public byte[] Read(ulong address, int count) => Ram.Read((long)(address - RamAddress), count);

    public void Write(ulong address, ReadOnlySpan<byte> bytes) => Ram.Write((long)(address - RamAddress), bytes);

    public Errno Access(MemoryAccess access)
    {
        DuringMessage?.Invoke();
        Span<byte> memory = MessageMemory.AsSpan((int)(access.Address - MessageAddress), access.Length);
        if (access.IsWrite)
        {
            access.Source.CopyTo(memory);
        }
        else
        {
            memory.CopyTo(access.Destination);
        }

        return Errno.None;
    }

    public void Dispose()
    {
        Interrupts.Dispose();
        Memory.Dispose();
        Ram.Dispose();
        foreach (EventFd signal in _signals)
        {
            signal.Dispose();
        }
    }

    private static int TakeCopy(EventFd signal)
    {
        FileDescriptor copy = signal.Duplicate();
        int number = copy.Number;
        copy.SetHandleAsInvalid();
        return number;
    }
}
