using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.EpcDevice.Guest;

/// <summary>
/// The EP guest's bus as the controller reaches it by EP-local addresses: the guest's memory and, of the controller's
/// own BARs, the doorbell. Accesses to those BARs are carried out here: sent to QEMU they could deadlock, since QEMU
/// may be waiting for this process.
/// </summary>
/// <remarks>
/// <see cref="Map"/>, <see cref="Unmap"/>, <see cref="SetBusMaster"/> and the setters belong to the thread that serves
/// the EP guest. That thread must not call <see cref="Read"/> and <see cref="Write"/>: it receives the answers that
/// accesses to private memory wait for. All other members are for any thread.
/// </remarks>
internal sealed class GuestBus(EpInterrupts interrupts)
{
    private volatile RangeMap _ranges = RangeMap.Empty;
    private volatile IVfioUserClient? _client;
    private volatile bool _isBusMaster;
    private volatile ControllerBars _bars = ControllerBars.None;
    private volatile WindowLocation? _mappedWindow;

    /// <summary>The connection to the guest's QEMU; null before the first.</summary>
    public IVfioUserClient? Client => _client;

    /// <summary>Whether the guest lets the controller reach its memory.</summary>
    public bool IsBusMaster => _isBusMaster;

    public ControllerBars Bars
    {
        get => _bars;
        set => _bars = value;
    }

    /// <summary>
    /// Where the mapped window is. QEMU announces what it maps there as memory of the guest, but it is the host's.
    /// </summary>
    public WindowLocation? MappedWindow
    {
        get => _mappedWindow;
        set => _mappedWindow = value;
    }

    public void Attach(IVfioUserClient client)
    {
        _client = client;
        SetBusMaster(false);
    }

    /// <summary>
    /// Lets the controller reach the guest's memory and interrupt it, or not. On return from false no access to shared
    /// memory is under way.
    /// </summary>
    public void SetBusMaster(bool enabled)
    {
        _isBusMaster = enabled;
        interrupts.IsEnabled = enabled;
        if (_client is { } client)
        {
            client.Memory.IsSuspended = !enabled;
        }
    }

    /// <summary>Adds memory of the guest.</summary>
    public void Map(DmaRange range)
    {
        if (_mappedWindow?.Touches(range.Address, range.Size) ?? false)
        {
            return;
        }

        _ranges = _ranges.Add(range);
    }

    /// <summary>
    /// Removes memory of the guest from what <see cref="Resolve"/> finds; it stays readable until the connection's own
    /// table loses it.
    /// </summary>
    public void Unmap(DmaRange range)
    {
        RangeMap ranges = _ranges;
        if (ranges.AtOrBelow(range.Address) == range)
        {
            _ranges = ranges.Remove(range);
        }
    }

    /// <summary>Whether part of a range is private memory, so that an access waits for the guest's QEMU.</summary>
    public bool IsPrivate(ulong address, ulong length) => _ranges.HasPrivate(address, length);

    /// <summary>Reads from an EP-local address.</summary>
    /// <returns><see cref="RequestStatus.UnsupportedRequest"/> where nothing can be read,
    /// <see cref="RequestStatus.NotBusMaster"/> while the guest does not allow it, or why the access failed.</returns>
    public RequestStatus Read(ulong address, Span<byte> destination)
    {
        ControllerBars bars = _bars;
        if (bars.TouchesRegisters(address, (ulong)destination.Length))
        {
            // The doorbell is write-only.
            destination.Clear();
            return IsDoorbell(bars, address, destination.Length)
                ? RequestStatus.Success
                : RequestStatus.UnsupportedRequest;
        }

        return _client is { } client && !TouchesWindow(bars, address, (ulong)destination.Length)
            ? client.Memory.Read(address, destination).ToRequestStatus()
            : RequestStatus.UnsupportedRequest;
    }

    /// <summary>Writes to an EP-local address.</summary>
    /// <returns>As for <see cref="Read"/>.</returns>
    public RequestStatus Write(ulong address, ReadOnlySpan<byte> source)
    {
        ControllerBars bars = _bars;
        if (bars.TouchesRegisters(address, (ulong)source.Length))
        {
            if (!IsDoorbell(bars, address, source.Length))
            {
                return RequestStatus.UnsupportedRequest;
            }

            interrupts.Fire(EpInterrupts.DoorbellVector);
            return RequestStatus.Success;
        }

        return _client is { } client && !TouchesWindow(bars, address, (ulong)source.Length)
            ? client.Memory.Write(address, source).ToRequestStatus()
            : RequestStatus.UnsupportedRequest;
    }

    /// <summary>Adds the shared memory of a range of EP-local addresses to <paramref name="mappings"/>.</summary>
    /// <param name="address">The first address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="barOffset">Where in a BAR the range starts.</param>
    /// <param name="mappings">Receives the parts; missing ones are private memory or no memory.</param>
    public void Resolve(ulong address, ulong size, ulong barOffset, List<InboundMapping> mappings)
    {
        RangeMap ranges = _isBusMaster ? _ranges : RangeMap.Empty;
        ulong last = address + (size - 1);
        for (DmaRange? next = ranges.FirstIn(address, last);
            next is { } range;
            next = ranges.FirstIn(address, last, range))
        {
            if (range.File is { } file)
            {
                ulong start = Math.Max(range.Address, address);
                ulong lastInside = Math.Min(range.Address + (range.Size - 1), last);
                mappings.Add(new InboundMapping(
                    barOffset + (start - address),
                    lastInside - start + 1,
                    file,
                    range.FileOffset + (start - range.Address),
                    range.Access));
            }
        }
    }

    /// <summary>Leases shared memory of the guest.</summary>
    /// <returns>As for <see cref="RangeTable.Lease"/>; empty where the controller's own BARs are.</returns>
    public MemoryLease Lease(ulong address, int wanted, DmaAccess access)
    {
        ControllerBars bars = _bars;
        return _client is { } client
            && !bars.TouchesRegisters(address, (ulong)wanted)
            && !TouchesWindow(bars, address, (ulong)wanted)
                ? client.Memory.Lease(address, wanted, access)
                : default;
    }

    private bool TouchesWindow(ControllerBars bars, ulong address, ulong length) =>
        bars.TouchesWindow(address, length) || (_mappedWindow?.Touches(address, length) ?? false);

    private static bool IsDoorbell(ControllerBars bars, ulong address, int length) =>
        length == sizeof(uint) && address - bars.Registers == EpcRegister.Doorbell;
}
