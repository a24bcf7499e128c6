using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Dma;

/// <summary>A piece of a descriptor whose bytes arrive from the host, straight in memory of the EP guest.</summary>
internal sealed class DmaRead(DmaPort port) : IReadTarget
{
    private PendingRead _pending;
    private ulong _destination;
    private bool _hasMissed;

    public DmaDescriptor Descriptor { get; private set; }

    /// <summary>Where in the descriptor's bytes it starts.</summary>
    public uint Start { get; private set; }

    public int Length { get; private set; }

    /// <summary>Whether it is the descriptor's last.</summary>
    public bool IsLast { get; set; }

    /// <summary>Sends requests for a piece of a descriptor.</summary>
    public void Begin(DmaRun run, in DmaDescriptor descriptor, uint start)
    {
        int length = (int)Math.Min(descriptor.Length - start, DmaCopier.PieceSize);
        _destination = descriptor.Destination + start;
        using (MemoryLease place = port.LeaseMemory(_destination, length))
        {
            _hasMissed = place.Bytes.IsEmpty;
            length = _hasMissed ? length : place.Bytes.Length;
        }

        _pending = _hasMissed ? default : run.Function.BeginRead(descriptor.Source + start, ref length, this);
        Descriptor = descriptor;
        Start = start;
        Length = length;
        IsLast = start + (uint)length == descriptor.Length;
    }

    /// <summary>Awaits the bytes.</summary>
    /// <param name="run">What the piece belongs to.</param>
    /// <param name="isComplete">False where bytes are missing that have to be read through the buffer.</param>
    public RequestStatus End(DmaRun run, out bool isComplete)
    {
        isComplete = !_pending.IsNone;
        if (!isComplete)
        {
            return RequestStatus.Success;
        }

        RequestStatus status = run.Function.EndRead(Descriptor.Source + Start, _pending);
        isComplete = !_hasMissed;
        return run.HasEnded ? RequestStatus.Cancelled : status;
    }

    /// <summary>Whether it writes to a range of EP-local addresses.</summary>
    public bool Overlaps(ulong start, uint length) =>
        _destination < start + length && start < _destination + (ulong)Length;

    /// <inheritdoc/>
    void IReadTarget.Put(int offset, ReadOnlySpan<byte> data)
    {
        using MemoryLease place = port.LeaseMemory(_destination + (ulong)offset, data.Length);
        if (place.Bytes.Length < data.Length)
        {
            // The guest has removed the memory meanwhile.
            _hasMissed = true;
            return;
        }

        data.CopyTo(place.Bytes);
    }
}
