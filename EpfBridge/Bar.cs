using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.EpfBridge;

/// <summary>A BAR of a function: where the host has put it, and the shared memory of the EP guest behind it.</summary>
/// <remarks>The receiving thread places it and changes its memory; the serving thread accesses it.</remarks>
internal sealed class Bar(BarMessage description) : IDisposable
{
    // Offsets in the BAR to shared memory of the EP guest.
    private readonly RangeTable _inbound = new();
    private readonly Lock _mapLock = new();
    private ulong _address = description.Address;
    private volatile bool _isEnabled;
    private volatile bool _isAwaited;
    private bool _isMapped;

    /// <summary>Bytes; 0 if there is no such BAR.</summary>
    public ulong Size => description.Size;

    /// <summary>Whether it is in I/O space.</summary>
    public bool IsIo => description.IsIo;

    /// <summary>Host bus address.</summary>
    public ulong Address => Volatile.Read(ref _address);

    /// <summary>Whether a write must be awaited, because a translation leads to private memory of the EP
    /// guest.</summary>
    public bool IsAwaited => _isAwaited;

    /// <summary>Whether accesses may go to shared memory of the EP guest.</summary>
    public bool IsDirect => _inbound.Count > 0 && _isEnabled;

    /// <summary>The host has placed the BAR. While it is not enabled, accesses are TLPs, which are refused.</summary>
    public void Place(BarAddressMessage placed)
    {
        Volatile.Write(ref _address, placed.Address);
        _isEnabled = placed.IsEnabled;
        _isAwaited = placed.IsAwaited;
    }

    /// <summary>Adds shared memory behind a part of the BAR; takes the descriptor over.</summary>
    /// <returns>False if the part lies outside its BAR or its file, or overlaps another.</returns>
    public bool AddInbound(InboundAddMessage message, FileDescriptor descriptor)
    {
        if (message.Offset > Size || message.Size > Size - message.Offset)
        {
            descriptor.Dispose();
            return false;
        }

        return _inbound.Map(
            message.Offset, message.Size, message.Access, descriptor, message.FileOffset, mayMap: true, out _)
            == Errno.None;
    }

    /// <summary>
    /// Removes that memory; on return no access to it is under way. It stays if the host's QEMU has mapped it, which
    /// EpcDevice has been told.
    /// </summary>
    public void Invalidate()
    {
        lock (_mapLock)
        {
            if (!_isMapped)
            {
                _inbound.UnmapAll();
            }
        }
    }

    /// <summary>Reads shared memory of the EP guest.</summary>
    /// <returns>False if the access must be a TLP.</returns>
    public bool TryRead(ulong offset, Span<byte> data) => _inbound.Read(offset, data) == Errno.None;

    /// <summary>Writes shared memory of the EP guest.</summary>
    /// <returns>False if the access must be a TLP.</returns>
    public bool TryWrite(ulong offset, ReadOnlySpan<byte> data) => _inbound.Write(offset, data) == Errno.None;

    /// <summary>Offers the BAR to the host's QEMU, if it is one page-aligned range of shared memory
    /// (--map-bars).</summary>
    /// <param name="announce">Called first, with the lock held, so that EpcDevice hears of it before an invalidation is
    /// acknowledged.</param>
    public DeviceRegion? Offer(Action<bool> announce)
    {
        lock (_mapLock)
        {
            if (IsIo || _inbound.Ranges.ToArray() is not [{ Backing: DmaBacking.Mapping } range] || !IsAligned(range))
            {
                return null;
            }

            _isMapped = true;
            announce(true);
            return new DeviceRegion(
                Size,
                File: range.File!.Descriptor,
                FileOffset: range.FileOffset - range.Address,
                MmapAreas: [new MmapArea(range.Address, range.Size)]);
        }
    }

    /// <summary>The host's QEMU has let go of the BAR.</summary>
    /// <returns>Whether it had been offered.</returns>
    public bool Withdraw(Action<bool> announce)
    {
        lock (_mapLock)
        {
            bool wasMapped = _isMapped;
            _isMapped = false;
            if (wasMapped)
            {
                announce(false);
            }

            return wasMapped;
        }
    }

    public void Dispose() => _inbound.Dispose();

    private static bool IsAligned(DmaRange range) =>
        (range.Address | range.Size | range.FileOffset) % range.File!.PageSize == 0
            && range.FileOffset >= range.Address;
}
