using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpcDevice.Link;

/// <summary>The host's memory as one function reaches it: shared memory directly, all else by TLPs.</summary>
/// <remarks>
/// <para>The host's QEMU writes its private memory some time after the bridge has asked it to, and never while an
/// access of its guest is under way. So everything else passes such a write, above all completions of the host's own
/// reads. Therefore a zero-length read awaits the write before the EP guest or the DMA channel goes on.</para>
/// <para>Any thread but the receiving one may read and write. The receiving thread adds and removes ranges; the thread
/// that takes the link down removes them, too.</para>
/// </remarks>
internal sealed class HostMemory : IDmaMessenger, IDisposable
{
    private const ulong PageSize = 4096;

    private readonly IFunction _function;
    private readonly Bdf _requester;
    private readonly DeadlockBreaker _deadlocks;
    private readonly DmaTable _table;
    private readonly Lock _changing = new();
    private readonly AccessGate _sending = new();
    private volatile LinkConnection? _connection;
    private volatile bool _isBusMaster;

    public HostMemory(IFunction function, DeadlockBreaker deadlocks)
    {
        _function = function;
        _requester = Bdf.Of(function.Id);
        _deadlocks = deadlocks;
        _table = new DmaTable(this) { IsSuspended = true };
    }

    /// <summary>The link, while there is one.</summary>
    public LinkConnection? Connection
    {
        set => _connection = value;
    }

    public void Dispose() => _table.Dispose();

    /// <summary>
    /// Whether the function may issue requests. On return from clearing it, no write of the function is under way.
    /// Writes that wait for the bridge to read delay this, no longer than a sender may wait.
    /// </summary>
    public void SetBusMaster(bool enabled)
    {
        _isBusMaster = enabled;
        _table.IsSuspended = !enabled;
        if (!enabled)
        {
            _sending.Drain();
        }
    }

    /// <summary>Adds a range of the host's memory; takes the descriptor over.</summary>
    /// <returns>False if the range is invalid.</returns>
    public bool Map(MemoryMessage range, FileDescriptor? descriptor)
    {
        lock (_changing)
        {
            return _table.Map(
                range.Address,
                range.Size,
                range.Access,
                descriptor,
                range.FileOffset,
                mayMap: true,
                out _) == Errno.None;
        }
    }

    /// <summary>Removes all ranges inside a range; on return no access to them is under way.</summary>
    /// <returns>False if one is only partly inside.</returns>
    public bool Unmap(MemoryMessage range)
    {
        lock (_changing)
        {
            bool isValid = _table.Ranges.TryFindInside(
                range.Address, range.Address + (range.Size - 1), out DmaRange[] inside);
            if (isValid)
            {
                _table.Unmap(inside);
            }

            return isValid;
        }
    }

    /// <summary>Removes all ranges; on return no access to them is under way.</summary>
    public void UnmapAll()
    {
        lock (_changing)
        {
            _table.UnmapAll();
        }
    }

    /// <inheritdoc cref="IFunctionPort.TryResolve"/>
    public bool TryResolve(ulong address, ulong size, List<HostMapping> parts)
    {
        lock (_changing)
        {
            while (size > 0 && _table.Ranges.Find(address) is { File: { } file } range && IsMappable(range))
            {
                ulong inside = address - range.Address;
                ulong length = Math.Min(size, range.Size - inside);
                parts.Add(
                    new HostMapping(length, file.Descriptor.Duplicate(), range.FileOffset + inside, file.Identity));
                address += length;
                size -= length;
            }
        }

        return size == 0;
    }

    /// <inheritdoc cref="IFunctionPort.Lease"/>
    public MemoryLease Lease(ulong address, int wanted, DmaAccess access) =>
        IsDirect ? _table.Lease(address, wanted, access) : default;

    /// <summary>Whether the host has memory, and none of it can be mapped.</summary>
    public static bool IsPrivate(IEnumerable<HostMemory> memories)
    {
        DmaRange[] ranges = [.. memories.SelectMany(static memory => memory._table.Ranges.ToArray())];
        return ranges.Length > 0 && !ranges.Any(IsMappable);
    }

    /// <inheritdoc cref="IFunctionPort.Read"/>
    public RequestStatus Read(ulong address, Span<byte> destination) =>
        IsDirect && IsKnown(_table.Read(address, destination), out RequestStatus status)
            ? status
            : _table.WaitsForClient(address, destination.Length)
                ? ReadByQemu(address, destination)
                : ReadByTlp(address, destination);

    /// <inheritdoc cref="IFunctionPort.BeginRead"/>
    public PendingRead BeginRead(ulong address, ref int length, IReadTarget target)
    {
        if (IsDirect || _table.WaitsForClient(address, length))
        {
            return default;
        }

        (_, int maxReadRequest, bool extendedTags) = _function.TransferLimits();
        return _connection?.Requester.BeginRead(
            _function.Id, _requester, address, ref length, target, maxReadRequest, extendedTags)
            ?? PendingRead.Failed(RequestStatus.LinkDown);
    }

    /// <inheritdoc cref="IFunctionPort.Write"/>
    public RequestStatus Write(ulong address, ReadOnlySpan<byte> source)
    {
        if (IsDirect)
        {
            // What follows may be stored directly, and must not pass a write that travels.
            return IsKnown(_table.Write(address, source), out RequestStatus direct)
                ? direct
                : WriteAndAwait(address, source);
        }

        if (!_table.WaitsForClient(address, source.Length))
        {
            return SendWrite(address, source);
        }

        // A page is all private or not at all.
        RequestStatus status = RequestStatus.Success;
        while (!source.IsEmpty && status == RequestStatus.Success)
        {
            int length = (int)Math.Min((ulong)source.Length, PageSize - (address % PageSize));
            status = _table.WaitsForClient(address, length)
                ? WriteAndAwait(address, source[..length])
                : SendWrite(address, source[..length]);
            source = source[length..];
            address += (ulong)length;
        }

        return status;
    }

    /// <inheritdoc/>
    Errno IDmaMessenger.Access(MemoryAccess access) => (access.IsWrite
        ? WriteAndAwait(access.Address, access.Source)
        : ReadByQemu(access.Address, access.Destination)).ToErrno();

    private bool IsDirect => _connection is { } connection && (connection.Capabilities & LinkCapabilities.Direct) != 0;

    /// <summary>Whether QEMU can map any page of a range: of huge pages it can map whole ones only.</summary>
    /// <summary>
    /// Whether the memory of a direct access is known here. If not, the bridge decides: a host maps memory and then
    /// rings a doorbell, which the bridge stores in the EP guest's memory. The EP guest may see that, and use the
    /// memory, before the map has arrived here.
    /// </summary>
    private static bool IsKnown(Errno result, out RequestStatus status)
    {
        status = result.ToRequestStatus();
        return result != Errno.EFAULT;
    }

    private static bool IsMappable(DmaRange range) => range is
    {
        File.IsHuge: false, Backing: DmaBacking.Mapping, Access: DmaAccess.Read | DmaAccess.Write,
    };

    private RequestStatus ReadByTlp(ulong address, Span<byte> destination)
    {
        (_, int maxReadRequest, bool extendedTags) = _function.TransferLimits();
        return _connection?.Requester.ReadMemory(
            _function.Id, _requester, address, destination, maxReadRequest, extendedTags)
            ?? RequestStatus.LinkDown;
    }

    private RequestStatus ReadByQemu(ulong address, Span<byte> destination)
    {
        _deadlocks.BeginRequest();
        try
        {
            return ReadByTlp(address, destination);
        }
        finally
        {
            _deadlocks.EndRequest();
        }
    }

    private RequestStatus WriteAndAwait(ulong address, ReadOnlySpan<byte> source)
    {
        RequestStatus status = SendWrite(address, source);
        return status == RequestStatus.Success ? ReadByQemu(address, []) : status;
    }

    private RequestStatus SendWrite(ulong address, ReadOnlySpan<byte> source)
    {
        int turn = _sending.Enter();
        try
        {
            return !_isBusMaster
                ? RequestStatus.NotBusMaster
                : _connection?.Requester.WriteMemory(
                    _function.Id, _requester, address, source, _function.TransferLimits().MaxPayload)
                ?? RequestStatus.LinkDown;
        }
        finally
        {
            _sending.Leave(turn);
        }
    }
}
