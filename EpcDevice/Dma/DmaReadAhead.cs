using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Dma;

/// <summary>
/// Reads from the host by TLPs, ahead: while a piece is awaited, the requests for the next one, perhaps of the next
/// descriptor, are under way. Descriptors are completed in their order.
/// </summary>
internal sealed class DmaReadAhead(DescriptorRing ring, DmaPort port, IHostLink host, DmaCopier copier)
{
    // Each read takes at most half of the tags.
    private const int MaxReads = 2;

    private readonly DmaRead[] _reads = [new(port), new(port)];
    private int _first;
    private int _count;

    // Of the descriptor that the first read belongs to, so far.
    private DmaStatus _status = DmaStatus.Done;

    /// <summary>Whether several requests for a descriptor's bytes can be under way.</summary>
    public bool Takes(in DmaDescriptor descriptor) =>
        descriptor is { IsValid: true, SourceIsHost: true, DestinationIsHost: false, Length: > DmaCopier.SmallSize }
            && host.ReadsAhead;

    /// <summary>Begins to read a descriptor's bytes, perhaps while those of the one before are under way.</summary>
    /// <returns>False if the run has ended.</returns>
    public bool Begin(DmaRun run, in DmaDescriptor descriptor)
    {
        // Where two descriptors write to the same place, the later one's data has to stay.
        foreach (DmaRead read in _reads)
        {
            if (_count > 0 && read.Overlaps(descriptor.Destination, descriptor.Length) && !Finish(run))
            {
                return false;
            }
        }

        for (uint start = 0; start < descriptor.Length;)
        {
            if (!Finish(run, MaxReads - 1))
            {
                return false;
            }

            if (_status != DmaStatus.Done)
            {
                // A piece of this descriptor has failed: the one that is under way is its last.
                _reads[_first].IsLast = true;
                return true;
            }

            DmaRead read = _reads[(_first + _count) % MaxReads];
            read.Begin(run, descriptor, start);
            _count++;
            start += (uint)read.Length;
        }

        return true;
    }

    /// <summary>Awaits all reads but the last few; all if the run has ended.</summary>
    /// <returns>False if the run has ended.</returns>
    public bool Finish(DmaRun run, int left = 0)
    {
        bool goesOn = true;
        while (_count > (goesOn ? left : 0))
        {
            DmaRead read = _reads[_first];
            _first = (_first + 1) % MaxReads;
            _count--;
            goesOn &= Finish(run, read);
        }

        return goesOn;
    }

    private bool Finish(DmaRun run, DmaRead read)
    {
        RequestStatus status = read.End(run, out bool isComplete);

        // The first piece that fails decides.
        if (_status == DmaStatus.Done)
        {
            _status = isComplete || status != RequestStatus.Success
                ? DmaCopier.ToDmaStatus(status, DmaStatus.SourceError)
                : copier.CopyThroughBuffer(run, read.Descriptor, read.Start, read.Length);
        }

        DmaStatus result = _status;
        bool isOver = read.IsLast || run.HasEnded;
        if (isOver)
        {
            _status = DmaStatus.Done;
        }

        return read.IsLast ? ring.Complete(run, read.Descriptor, result) : result != DmaStatus.Pending;
    }
}
