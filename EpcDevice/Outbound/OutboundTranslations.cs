using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>The translations of one outbound window, for every access through it that is carried out here.</summary>
/// <remarks>
/// Only the thread that serves the EP guest replaces translations and waits for their use to end, and only it may call
/// <see cref="Access"/>. Other threads enter a gate, so that none of them uses a replaced translation once
/// <see cref="Drain"/> returns. Inside, they wait for the link only, never for private memory of the EP guest: a commit
/// waits no longer than a completion may take.
/// </remarks>
internal sealed class OutboundTranslations(BurstLog log)
{
    private readonly AccessGate _gate = new();
    private volatile OutboundMap _map = OutboundMap.Empty;

    public void Replace(OutboundMap map) => _map = map;

    /// <summary>Waits until no access uses a translation that has been replaced.</summary>
    /// <param name="waiting">As for <see cref="AccessGate.Drain"/>.</param>
    public void Drain(Action<bool> waiting) => _gate.Drain(waiting);

    /// <summary>Carries out the first piece of an access: in one translation, or in the gap before the next.</summary>
    /// <param name="offset">Window offset.</param>
    /// <param name="bytes">All bytes of the access, which a read fills.</param>
    /// <param name="access">A read or a write.</param>
    /// <param name="hint">The caller's last hit, see <see cref="OutboundMap.TryFind"/>.</param>
    /// <param name="length">Bytes of the piece.</param>
    /// <returns><see cref="RequestStatus.UnsupportedRequest"/> without a translation.</returns>
    public RequestStatus Access(ulong offset, Span<byte> bytes, DmaAccess access, ref int hint, out int length)
    {
        OutboundMap map = _map;
        if (!map.TryFind(offset, bytes.Length, ref hint, out length))
        {
            log.Report(
                access == DmaAccess.Read ? "outbound read without translation" : "outbound write without translation",
                offset,
                RequestStatus.UnsupportedRequest);
            return RequestStatus.UnsupportedRequest;
        }

        ref readonly OutboundTranslation entry = ref map[hint];
        return entry.Function.Access(entry.Address + (offset - entry.Offset), bytes[..length], access);
    }

    /// <summary>As <see cref="Access"/>, for other threads.</summary>
    public RequestStatus AccessInside(ulong offset, Span<byte> bytes, DmaAccess access, ref int hint, out int length)
    {
        int turn = _gate.Enter();
        try
        {
            return Access(offset, bytes, access, ref hint, out length);
        }
        finally
        {
            _gate.Leave(turn);
        }
    }

    /// <summary>Leases host memory as <see cref="IFunctionPort.Lease"/> does; <see cref="Drain"/> waits for its end.
    /// </summary>
    /// <param name="offset">Window offset.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">What is done with them.</param>
    /// <param name="hint">The caller's last hit, see <see cref="OutboundMap.TryFind"/>.</param>
    public MemoryLease Lease(ulong offset, int wanted, DmaAccess access, ref int hint)
    {
        int turn = _gate.Enter();
        OutboundMap map = _map;
        if (map.TryFind(offset, wanted, ref hint, out int length))
        {
            ref readonly OutboundTranslation entry = ref map[hint];
            MemoryLease lease = entry.Function.Lease(entry.Address + (offset - entry.Offset), length, access);
            if (!lease.Bytes.IsEmpty)
            {
                return lease.Inside(_gate, turn);
            }
        }

        _gate.Leave(turn);
        return default;
    }
}
