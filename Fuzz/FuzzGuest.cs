using EpfTest.Kit;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Fuzz;

/// <summary>A guest as its vfio-user connection shows it: shared memory at 0, and interrupts.</summary>
internal sealed class FuzzGuest : IVfioUserClient, IDmaMessenger, IDisposable
{
    /// <summary>Bytes.</summary>
    public const ulong MemorySize = 1 << 20;

    private readonly Memfd _memory = Memfd.Create((long)MemorySize);

    /// <summary>A guest with so many vectors of each type.</summary>
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

    /// <inheritdoc/>
    public DmaTable Memory { get; }

    /// <inheritdoc/>
    public InterruptTable Interrupts { get; }

    /// <inheritdoc/>
    public bool HasPendingPostedWrites => false;

    /// <inheritdoc/>
    public bool HasLeft => true;

    /// <summary>The memory.</summary>
    public DmaRange Range { get; }

    /// <inheritdoc/>
    public bool DrainPostedWrites() => true;

    /// <inheritdoc/>
    public Errno Access(MemoryAccess access) => Errno.EIO;

    /// <inheritdoc/>
    public void Dispose()
    {
        Interrupts.Dispose();
        Memory.Dispose();
        _memory.Dispose();
    }
}
