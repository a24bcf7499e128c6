using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Host;
using EpfTest.EpcDevice.Outbound;
using EpfTest.Protocol.Linux;

namespace EpfTest.EpcDevice.Dma;

/// <summary>What the DMA engine reaches: the host, the EP guest's memory, and the host again by way of BAR2.</summary>
internal sealed class DmaPort(HostMemory host, EpSpace guest, OutboundWindow window)
{
    /// <summary>Whether an access to a bus address of the EP guest waits for the guest's QEMU.</summary>
    public bool WaitsForGuest(ulong address, int length) => guest.WaitsForGuest(address, (ulong)length);

    /// <summary>Reads from a host bus address.</summary>
    public Errno ReadHost(int function, ulong address, Span<byte> destination) =>
        host.Read(function, address, destination);

    /// <summary>Writes to a host bus address.</summary>
    public Errno WriteHost(int function, ulong address, ReadOnlySpan<byte> source) =>
        host.Write(function, address, source);

    /// <summary>Reads from a bus address of the EP guest.</summary>
    /// <param name="address">The address.</param>
    /// <param name="destination">Filled; contents are undefined where the result is an error.</param>
    /// <param name="hint">The channel's last hit among the outbound translations.</param>
    public Errno ReadGuest(ulong address, Span<byte> destination, ref int hint)
    {
        while (!destination.IsEmpty)
        {
            bool isWindow = IsWindow(address, destination.Length, out ulong offset, out int length);
            Errno error = isWindow
                ? window.TryRead(offset, destination[..length], ref hint)
                : guest.Read(address, destination[..length]);
            if (error != Errno.None)
            {
                return error;
            }

            destination = destination[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    /// <summary>Writes to a bus address of the EP guest.</summary>
    /// <param name="address">The address.</param>
    /// <param name="source">What to write.</param>
    /// <param name="hint">The channel's last hit among the outbound translations.</param>
    public Errno WriteGuest(ulong address, ReadOnlySpan<byte> source, ref int hint)
    {
        while (!source.IsEmpty)
        {
            bool isWindow = IsWindow(address, source.Length, out ulong offset, out int length);
            Errno error = isWindow
                ? window.TryWrite(offset, source[..length], ref hint)
                : guest.Write(address, source[..length]);
            if (error != Errno.None)
            {
                return error;
            }

            source = source[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    /// <summary>Whether an address lies in the controller's own BAR2, and for how many bytes that holds.</summary>
    private bool IsWindow(ulong address, int wanted, out ulong offset, out int length)
    {
        offset = 0;
        length = wanted;
        if (guest.Own.Window is not { } start)
        {
            return false;
        }

        offset = address - start;
        bool inside = offset < EpcLimits.WindowSize;
        ulong limit = inside ? EpcLimits.WindowSize - offset : start - address;
        length = (int)Math.Min((ulong)wanted, limit);
        return inside;
    }
}
