using EpfTest.EpcDevice.Functions;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Outbound;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Dma;

/// <summary>What the DMA engine reaches: the host, the EP guest's memory, and the host again by way of both windows.</summary>
internal sealed class DmaPort(HostRequests host, GuestBus guest, OutboundWindow window, OutboundWindow mapped)
{
    /// <inheritdoc cref="IHostLink.GuestWaits"/>
    public bool GuestWaits
    {
        set => host.GuestWaits = value;
    }

    /// <summary>Whether an access to a bus address of the EP guest waits for the guest's QEMU.</summary>
    public bool WaitsForGuest(ulong address, int length) => guest.IsPrivate(address, (ulong)length);

    /// <summary>Reads from a host bus address.</summary>
    public RequestStatus ReadHost(int function, ulong address, Span<byte> destination) =>
        host.Read(function, address, destination);

    /// <summary>Writes to a host bus address.</summary>
    public RequestStatus WriteHost(int function, ulong address, ReadOnlySpan<byte> source) =>
        host.Write(function, address, source);

    /// <summary>Reads from a bus address of the EP guest.</summary>
    /// <param name="address">The address.</param>
    /// <param name="destination">Filled; contents are undefined where the result is an error.</param>
    /// <param name="hint">The channel's last hit among the outbound translations.</param>
    public RequestStatus ReadGuest(ulong address, Span<byte> destination, ref int hint)
    {
        while (!destination.IsEmpty)
        {
            OutboundWindow? way = FindWindow(address, destination.Length, out ulong offset, out int length);
            RequestStatus error = way is not null
                ? way.TryRead(offset, destination[..length], ref hint)
                : guest.Read(address, destination[..length]);
            if (error != RequestStatus.Success)
            {
                return error;
            }

            destination = destination[length..];
            address += (ulong)length;
        }

        return RequestStatus.Success;
    }

    /// <summary>Writes to a bus address of the EP guest.</summary>
    /// <param name="address">The address.</param>
    /// <param name="source">What to write.</param>
    /// <param name="hint">The channel's last hit among the outbound translations.</param>
    public RequestStatus WriteGuest(ulong address, ReadOnlySpan<byte> source, ref int hint)
    {
        while (!source.IsEmpty)
        {
            OutboundWindow? way = FindWindow(address, source.Length, out ulong offset, out int length);
            RequestStatus error = way is not null
                ? way.TryWrite(offset, source[..length], ref hint)
                : guest.Write(address, source[..length]);
            if (error != RequestStatus.Success)
            {
                return error;
            }

            source = source[length..];
            address += (ulong)length;
        }

        return RequestStatus.Success;
    }

    /// <summary>Leases memory to copy from or to in place.</summary>
    /// <param name="function">For the host's memory: whose requester ID is used. Null for an address of the EP guest.</param>
    /// <param name="address">The bus address.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">What is to be done with them.</param>
    /// <param name="hint">The channel's last hit among the outbound translations.</param>
    /// <returns>As many bytes as lie together and are mapped here; none where it takes one of the other ways to reach
    /// them, or to learn why they cannot be reached.</returns>
    public MemoryLease Lease(int? function, ulong address, int wanted, DmaAccess access, ref int hint)
    {
        if (function is { } number)
        {
            return host.Lease(number, address, wanted, access);
        }

        OutboundWindow? way = FindWindow(address, wanted, out ulong offset, out int length);
        return way is not null ? way.Lease(offset, length, access, ref hint) : guest.Lease(address, length, access);
    }

    /// <inheritdoc cref="IHostLink.ReadsAhead"/>
    public bool ReadsAhead => host.ReadsAhead;

    /// <summary>Begins to read from a host bus address straight into memory of the EP guest.</summary>
    public PendingRead BeginReadHost(int function, ulong address, ref int length, GuestLanding landing) =>
        host.BeginRead(function, address, ref length, landing);

    /// <summary>Awaits what <see cref="BeginReadHost"/> has begun.</summary>
    public RequestStatus EndReadHost(int function, PendingRead read) => host.EndRead(function, read);

    /// <summary>Leases memory of the EP guest to write to, for any thread; none of what lies behind a window.</summary>
    public MemoryLease LeaseGuest(ulong address, int wanted) =>
        FindWindow(address, wanted, out _, out int length) is null ? guest.Lease(address, length, DmaAccess.Write) : default;

    /// <summary>The window that an address lies in, if it is one, and for how many bytes that holds.</summary>
    private OutboundWindow? FindWindow(ulong address, int wanted, out ulong offset, out int length)
    {
        offset = 0;
        length = wanted;
        return guest.Bars.Window is { } start && IsInside(start, EpcLimits.WindowSize, address, ref offset, ref length)
            ? window
            : guest.MappedWindow is { } place && IsInside(place.Address, place.Size, address, ref offset, ref length)
                ? mapped
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
