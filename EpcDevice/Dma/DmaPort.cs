using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Outbound;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Dma;

/// <summary>What a channel reaches at EP-local addresses: the EP guest's memory, and the host by windows.</summary>
/// <remarks>For the channel's thread, except for <see cref="LeaseMemory"/>.</remarks>
internal sealed class DmaPort(GuestBus guest, OutboundUnit outbound)
{
    // The last hit among the outbound translations.
    private int _hint;

    /// <summary>Whether an access waits for the EP guest's QEMU.</summary>
    public bool IsPrivate(ulong address, int length) => guest.IsPrivate(address, (ulong)length);

    /// <summary>Reads or writes.</summary>
    public RequestStatus Access(ulong address, Span<byte> rest, DmaAccess access)
    {
        var status = RequestStatus.Success;
        while (!rest.IsEmpty && status == RequestStatus.Success)
        {
            OutboundTranslations? window = FindWindow(address, rest.Length, out ulong offset, out int length);
            Span<byte> piece = rest[..length];
            status = window is not null ? window.AccessInside(offset, piece, access, ref _hint, out length)
                : access == DmaAccess.Read ? guest.Read(address, piece)
                : guest.Write(address, piece);
            rest = rest[length..];
            address += (ulong)length;
        }

        return status;
    }

    /// <summary>Leases memory to copy in place.</summary>
    /// <param name="address">The address.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">What is done with them.</param>
    /// <returns>As many bytes as lie together; none where only <see cref="Access"/> reaches them, or says why it
    /// cannot.</returns>
    public MemoryLease Lease(ulong address, int wanted, DmaAccess access) =>
        FindWindow(address, wanted, out ulong offset, out int length) is { } window
            ? window.Lease(offset, length, access, ref _hint)
            : guest.Lease(address, length, access);

    /// <summary>Leases memory of the EP guest to write to, for any thread; none behind a window.</summary>
    public MemoryLease LeaseMemory(ulong address, int wanted) =>
        FindWindow(address, wanted, out _, out int length) is null
            ? guest.Lease(address, length, DmaAccess.Write)
            : default;

    /// <summary>Finds the window that an address lies in, if any, and for how many bytes that holds.</summary>
    private OutboundTranslations? FindWindow(ulong address, int wanted, out ulong offset, out int length)
    {
        offset = 0;
        length = wanted;
        return guest.Bars.Window is { } start && IsInside(start, EpcLimits.WindowSize, address, ref offset, ref length)
            ? outbound.Trapped
            : guest.MappedWindow is { } place && IsInside(place.Address, place.Size, address, ref offset, ref length)
                ? outbound.Mapped
                : null;
    }

    private static bool IsInside(ulong start, ulong size, ulong address, ref ulong offset, ref int length)
    {
        ulong distance = address - start;
        bool inside = distance < size;
        length = (int)Math.Min((ulong)length, inside ? size - distance : start - address);
        if (inside)
        {
            offset = distance;
        }

        return inside;
    }
}
