using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>BAR2: what accesses to it become on the host's bus.</summary>
/// <remarks>
/// <see cref="Replace"/> and the EP guest's own accesses come from the thread that serves that guest, one after the
/// other. DMA threads go through <see cref="TryRead"/> and <see cref="TryWrite"/>, inside the gate, so that a replaced
/// translation is not used any more when <see cref="Replace"/> returns. In there they wait for the link only, never
/// for memory of the EP guest: a commit waits no longer than a completion may take.
/// </remarks>
internal sealed class OutboundWindow(HostRequests host, BurstLog log)
{
    private readonly AccessGate _gate = new();
    private volatile OutboundMap _map = OutboundMap.Empty;
    private int _lastHit;

    /// <summary>Sets other translations; on return no access goes through the ones before.</summary>
    public void Replace(OutboundMap map)
    {
        _map = map;
        _gate.Drain(waiting => host.GuestWaits = waiting);
    }

    /// <summary>The EP guest reads BAR2: all ones where the host cannot be read.</summary>
    public void Read(ulong offset, Span<byte> destination)
    {
        OutboundMap map = _map;
        while (!destination.IsEmpty)
        {
            RequestStatus error = RequestStatus.UnsupportedRequest;
            if (map.TryFind(offset, destination.Length, ref _lastHit, out OutboundTranslation entry, out int length))
            {
                host.GuestWaits = true;
                error = host.Read(entry.Function, entry.Address + (offset - entry.Offset), destination[..length]);
                host.GuestWaits = false;
            }

            if (error != RequestStatus.Success)
            {
                destination[..length].Fill(byte.MaxValue);
                log.Report("outbound read", offset, error);
            }

            destination = destination[length..];
            offset += (ulong)length;
        }
    }

    /// <summary>The EP guest writes BAR2: dropped where the host cannot be written.</summary>
    public void Write(ulong offset, ReadOnlySpan<byte> source)
    {
        OutboundMap map = _map;
        while (!source.IsEmpty)
        {
            RequestStatus error = RequestStatus.UnsupportedRequest;
            if (map.TryFind(offset, source.Length, ref _lastHit, out OutboundTranslation entry, out int length))
            {
                host.GuestWaits = true;
                error = host.Write(entry.Function, entry.Address + (offset - entry.Offset), source[..length]);
                host.GuestWaits = false;
            }

            if (error != RequestStatus.Success)
            {
                log.Report("outbound write", offset, error);
            }

            source = source[length..];
            offset += (ulong)length;
        }
    }

    /// <summary>A DMA channel reads by way of BAR2.</summary>
    /// <param name="offset">Bytes from the start of BAR2.</param>
    /// <param name="destination">Filled; contents are undefined where the result is an error.</param>
    /// <param name="hint">The channel's last hit, see <see cref="OutboundMap.TryFind"/>.</param>
    /// <returns><see cref="RequestStatus.UnsupportedRequest"/> where there is no translation, or as for <see cref="HostRequests.Read"/>.</returns>
    public RequestStatus TryRead(ulong offset, Span<byte> destination, ref int hint)
    {
        while (!destination.IsEmpty)
        {
            RequestStatus error = RequestStatus.UnsupportedRequest;
            int length;
            int turn = _gate.Enter();
            try
            {
                if (_map.TryFind(offset, destination.Length, ref hint, out OutboundTranslation entry, out length))
                {
                    error = host.Read(entry.Function, entry.Address + (offset - entry.Offset), destination[..length]);
                }
            }
            finally
            {
                _gate.Leave(turn);
            }

            if (error != RequestStatus.Success)
            {
                return error;
            }

            destination = destination[length..];
            offset += (ulong)length;
        }

        return RequestStatus.Success;
    }

    /// <summary>Leases memory of the host to a DMA channel, by way of BAR2.</summary>
    /// <param name="offset">Bytes from the start of BAR2.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">What is to be done with them.</param>
    /// <param name="hint">The channel's last hit, see <see cref="OutboundMap.TryFind"/>.</param>
    /// <returns>As <see cref="IFunctionPort.Lease"/> has it; <see cref="Replace"/> waits until it has been given back.</returns>
    public MemoryLease Lease(ulong offset, int wanted, DmaAccess access, ref int hint)
    {
        int turn = _gate.Enter();
        if (_map.TryFind(offset, wanted, ref hint, out OutboundTranslation entry, out int length))
        {
            MemoryLease lease = host.Lease(entry.Function, entry.Address + (offset - entry.Offset), length, access);
            if (!lease.Bytes.IsEmpty)
            {
                return lease.Inside(_gate, turn);
            }
        }

        _gate.Leave(turn);
        return default;
    }

    /// <summary>A DMA channel writes by way of BAR2.</summary>
    /// <param name="offset">Bytes from the start of BAR2.</param>
    /// <param name="source">What to write.</param>
    /// <param name="hint">The channel's last hit, see <see cref="OutboundMap.TryFind"/>.</param>
    /// <returns>As for <see cref="TryRead"/>.</returns>
    public RequestStatus TryWrite(ulong offset, ReadOnlySpan<byte> source, ref int hint)
    {
        while (!source.IsEmpty)
        {
            RequestStatus error = RequestStatus.UnsupportedRequest;
            int length;
            int turn = _gate.Enter();
            try
            {
                if (_map.TryFind(offset, source.Length, ref hint, out OutboundTranslation entry, out length))
                {
                    error = host.Write(entry.Function, entry.Address + (offset - entry.Offset), source[..length]);
                }
            }
            finally
            {
                _gate.Leave(turn);
            }

            if (error != RequestStatus.Success)
            {
                return error;
            }

            source = source[length..];
            offset += (ulong)length;
        }

        return RequestStatus.Success;
    }
}
