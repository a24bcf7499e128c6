using EpfTest.EpcDevice.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>BAR2, the trapped window. Belongs to the thread that serves the EP guest.</summary>
internal sealed class OutboundWindow(OutboundTranslations translations, IHostLink host)
{
    private int _lastHit;

    /// <summary>The EP guest reads: all ones where the host cannot be read.</summary>
    public void Read(ulong offset, Span<byte> destination) => Access(offset, destination, DmaAccess.Read);

    /// <summary>The EP guest writes: dropped where the host cannot be written.</summary>
    public void Write(ulong offset, ReadOnlySpan<byte> source) =>
        Access(offset, MemoryAccess.AsSpan(source), DmaAccess.Write);

    private void Access(ulong offset, Span<byte> rest, DmaAccess access)
    {
        while (!rest.IsEmpty)
        {
            host.GuestWaits = true;
            RequestStatus status = translations.Access(offset, rest, access, ref _lastHit, out int length);
            host.GuestWaits = false;
            if (status != RequestStatus.Success && access == DmaAccess.Read)
            {
                rest[..length].Fill(byte.MaxValue);
            }

            rest = rest[length..];
            offset += (ulong)length;
        }
    }
}
