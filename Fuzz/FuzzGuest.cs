using EpfTest.Kit;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Fuzz;

/// <summary>A guest as its vfio-user connection shows it: shared memory at 0, and interrupts.</summary>
internal sealed class FuzzGuest : IVfioUserClient, IDmaMessenger, IDisposable
{
    public const ulong MemorySize = 1 << 20;

    private readonly Memfd _memory = Memfd.Create((long)MemorySize);

    public FuzzGuest(IReadOnlyList<int> irqCounts)
    {
        Memory = new DmaTable(this);
        Interrupts = new InterruptTable(irqCounts);
        Memory.Map(
            0,
            MemorySize,
            DmaAccess.Read | DmaAccess.Write,
            _memory.Descriptor.Duplicate(),
            0,
            mayMap: true,
            out DmaRange range);
        Range = range;
        for (int type = (int)IrqIndex.Intx; type <= (int)IrqIndex.Msix; type++)
        {
            if (irqCounts[type] > 0)
            {
                Interrupts.SetSignal((IrqIndex)type, 0, EventFd.Create());
            }
        }
    }

    public DmaTable Memory { get; }

    public InterruptTable Interrupts { get; }

    public bool HasPendingPostedWrites => false;

    public bool HasLeft => true;

    public DmaRange Range { get; }

    public bool DrainPostedWrites() => true;

    public Errno Access(MemoryAccess access) => Errno.EIO;

    public void Dispose()
    {
        Interrupts.Dispose();
        Memory.Dispose();
        _memory.Dispose();
    }
}
