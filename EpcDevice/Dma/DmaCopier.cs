using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Dma;

/// <summary>Moves the bytes of descriptors: in place where both ends are mapped here, else through a buffer.</summary>
internal sealed class DmaCopier(DescriptorRing ring, DmaPort port)
{
    /// <summary>The most bytes that are moved at a time.</summary>
    public const int PieceSize = 1 << 20;

    /// <summary>Up to here the buffer costs nothing, single accesses stay single, and MSIs are recognised.</summary>
    public const int SmallSize = 64;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(PieceSize, pinned: true);

    /// <summary>Copies all bytes of a descriptor; <see cref="DmaStatus.Pending"/> if the run has ended.</summary>
    public DmaStatus Copy(DmaRun run, in DmaDescriptor descriptor)
    {
        for (uint start = 0; start < descriptor.Length;)
        {
            int length = (int)Math.Min(descriptor.Length - start, PieceSize);
            int copied = length <= SmallSize || run.HasEnded ? 0 : CopyInPlace(run, descriptor, start, length);
            if (copied == 0)
            {
                DmaStatus status = CopyThroughBuffer(run, descriptor, start, length);
                if (status != DmaStatus.Done)
                {
                    return status;
                }

                copied = length;
            }

            start += (uint)copied;
        }

        return DmaStatus.Done;
    }

    /// <summary>Copies a piece through the buffer.</summary>
    public DmaStatus CopyThroughBuffer(DmaRun run, in DmaDescriptor descriptor, uint start, int length)
    {
        Span<byte> buffer = _buffer.AsSpan(0, length);
        RequestStatus status =
            Access(run, descriptor.SourceIsHost, descriptor.Source + start, buffer, DmaAccess.Read);
        if (status != RequestStatus.Success)
        {
            return ToDmaStatus(status, DmaStatus.SourceError);
        }

        status = Access(run, descriptor.DestinationIsHost, descriptor.Destination + start, buffer, DmaAccess.Write);
        return ToDmaStatus(status, DmaStatus.DestinationError);
    }

    /// <summary>Converts the status of a request.</summary>
    /// <param name="status">The status.</param>
    /// <param name="other">For a failure without a status of its own.</param>
    public static DmaStatus ToDmaStatus(RequestStatus status, DmaStatus other) => status switch
    {
        RequestStatus.Success => DmaStatus.Done,
        RequestStatus.Cancelled => DmaStatus.Pending,
        RequestStatus.LinkDown => DmaStatus.LinkDown,
        RequestStatus.NotBusMaster => DmaStatus.NotBusMaster,
        _ => other,
    };

    private RequestStatus Access(DmaRun run, bool isHost, ulong address, Span<byte> bytes, DmaAccess access) =>
        !isHost ? ring.Access(run, address, bytes, access)
            : run.HasEnded ? RequestStatus.Cancelled
            : run.Function.Access(address, bytes, access);

    /// <summary>Copies the first bytes of a piece; none where an end is not mapped here.</summary>
    /// <returns>How many.</returns>
    private int CopyInPlace(DmaRun run, in DmaDescriptor descriptor, uint start, int length)
    {
        using MemoryLease from = descriptor.SourceIsHost
            ? run.Function.Lease(descriptor.Source + start, length, DmaAccess.Read)
            : port.Lease(descriptor.Source + start, length, DmaAccess.Read);
        if (from.Bytes.IsEmpty)
        {
            return 0;
        }

        length = from.Bytes.Length;
        using MemoryLease to = descriptor.DestinationIsHost
            ? run.Function.Lease(descriptor.Destination + start, length, DmaAccess.Write)
            : port.Lease(descriptor.Destination + start, length, DmaAccess.Write);
        from.Bytes[..to.Bytes.Length].CopyTo(to.Bytes);
        return to.Bytes.Length;
    }
}
