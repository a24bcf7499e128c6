using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.EpcDevice.Guest;

/// <summary>
/// What the controller reaches at bus addresses of the EP guest: its memory and, of the controller's own BARs, the
/// doorbell. An access to those must not leave by way of the guest's QEMU, which may be waiting for us.
/// </summary>
/// <remarks>
/// <see cref="Map"/>, <see cref="Unmap"/>, <see cref="SetBusMaster"/> and <see cref="Own"/>'s setter belong to the thread that serves the EP guest.
/// Everything else is for all threads but that one, as memory that is reached by messages needs it to receive the
/// answers.
/// </remarks>
internal sealed class EpSpace(EpInterrupts interrupts)
{
    private volatile RangeMap _ranges = RangeMap.Empty;
    private volatile IVfioUserClient? _client;
    private volatile bool _isBusMaster;
    private volatile OwnBars _own = OwnBars.None;
    private volatile WindowPlace? _mappedWindow;

    /// <summary>Where the controller's own BARs are.</summary>
    public OwnBars Own
    {
        get => _own;
        set => _own = value;
    }

    /// <summary>Whose memory it is.</summary>
    public IVfioUserClient? Client => _client;

    /// <summary>Whether the guest lets the controller reach its memory.</summary>
    public bool IsBusMaster => _isBusMaster;

    /// <summary>Where the mapped window is. QEMU offers what it shows there as memory of the guest; it is the host's.</summary>
    public WindowPlace? MappedWindow
    {
        get => _mappedWindow;
        set => _mappedWindow = value;
    }

    /// <summary>Says whose memory it is.</summary>
    public void Attach(IVfioUserClient client)
    {
        _client = client;
        SetBusMaster(false);
    }

    /// <summary>
    /// Lets the controller reach the guest's memory and interrupt it, or not; then nothing in shared memory is under way
    /// any more on return.
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

    /// <summary>Memory is there from now on.</summary>
    public void Map(DmaRange range)
    {
        if (_mappedWindow?.Touches(range.Address, range.Size) ?? false)
        {
            return;
        }

        _ranges = _ranges.Add(range);
    }

    /// <summary>Memory is not resolved any more; it stays readable until the client's table loses it.</summary>
    public void Unmap(DmaRange range)
    {
        RangeMap ranges = _ranges;
        if (ranges.AtOrBelow(range.Address) == range)
        {
            _ranges = ranges.Remove(range);
        }
    }

    /// <summary>Whether an access waits for the guest's QEMU: part of it is memory that it does not share.</summary>
    public bool WaitsForGuest(ulong address, ulong length) => _ranges.HasPrivate(address, length);

    /// <summary>Reads from a bus address.</summary>
    /// <returns><see cref="RequestStatus.UnsupportedRequest"/> where there is nothing that can be read, <see cref="RequestStatus.NotBusMaster"/> while the
    /// guest does not allow it, or what went wrong.</returns>
    public RequestStatus Read(ulong address, Span<byte> destination)
    {
        OwnBars own = _own;
        if (own.TouchesRegisters(address, (ulong)destination.Length))
        {
            // Write-only.
            destination.Clear();
            return IsDoorbell(own, address, destination.Length) ? RequestStatus.Success : RequestStatus.UnsupportedRequest;
        }

        return _client is { } client && !TouchesWindow(own, address, (ulong)destination.Length)
            ? client.Memory.Read(address, destination).ToRequestStatus()
            : RequestStatus.UnsupportedRequest;
    }

    /// <summary>Writes to a bus address.</summary>
    /// <returns>As for <see cref="Read"/>.</returns>
    public RequestStatus Write(ulong address, ReadOnlySpan<byte> source)
    {
        OwnBars own = _own;
        if (own.TouchesRegisters(address, (ulong)source.Length))
        {
            if (!IsDoorbell(own, address, source.Length))
            {
                return RequestStatus.UnsupportedRequest;
            }

            interrupts.Fire(EpInterrupts.DoorbellVector);
            return RequestStatus.Success;
        }

        return _client is { } client && !TouchesWindow(own, address, (ulong)source.Length)
            ? client.Memory.Write(address, source).ToRequestStatus()
            : RequestStatus.UnsupportedRequest;
    }

    /// <summary>Adds the parts of a range of bus addresses that are memory which the guest's QEMU shares.</summary>
    /// <param name="address">The first bus address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="barOffset">Where in a BAR the range starts.</param>
    /// <param name="mappings">Takes the parts.</param>
    public void Resolve(ulong address, ulong size, ulong barOffset, List<InboundMapping> mappings)
    {
        RangeMap ranges = _isBusMaster ? _ranges : RangeMap.Empty;
        ulong last = address + (size - 1);
        for (DmaRange? next = ranges.FirstIn(address, last); next is { } range; next = ranges.FirstIn(address, last, range))
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

    /// <summary>Leases memory of the guest that is mapped here.</summary>
    /// <param name="address">The first bus address.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">What is to be done with them.</param>
    /// <returns>As <see cref="RangeTable.Lease"/> has it; none where the controller's own BARs are.</returns>
    public MemoryLease Lease(ulong address, int wanted, DmaAccess access)
    {
        OwnBars own = _own;
        return _client is { } client
            && !own.TouchesRegisters(address, (ulong)wanted)
            && !TouchesWindow(own, address, (ulong)wanted)
                ? client.Memory.Lease(address, wanted, access)
                : default;
    }

    private bool TouchesWindow(OwnBars own, ulong address, ulong length) =>
        own.TouchesWindow(address, length) || (_mappedWindow?.Touches(address, length) ?? false);

    private static bool IsDoorbell(OwnBars own, ulong address, int length) =>
        length == sizeof(uint) && address - own.Registers == EpcRegister.Doorbell;
}
