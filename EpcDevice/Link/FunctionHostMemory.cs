using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;

namespace EpfTest.EpcDevice.Link;

/// <summary>The host's memory as one function reaches it.</summary>
/// <remarks>
/// <para>Memory that the host's QEMU does not share is written by that QEMU, some time after the bridge was asked, and
/// never while an access of its guest is under way. So everything else passes such a write, completions of the host's own
/// reads above all. Therefore it is awaited, by a read of nothing, before the EP guest or the DMA channel goes on: whatever
/// that does next comes after it.</para>
/// <para>Any thread but the link's receiving one may read and write. Ranges come and go by that one, and go by whoever
/// takes the link down.</para>
/// </remarks>
internal sealed class FunctionHostMemory : IDmaMessenger, IDisposable
{
    private const ulong PageSize = 4096;

    private readonly BridgeLink _link;
    private readonly int _function;
    private readonly DmaTable _table;
    private readonly Lock _changing = new();
    private readonly AccessGate _sending = new();
    private volatile bool _isBusMaster;

    public FunctionHostMemory(BridgeLink link, int function)
    {
        _link = link;
        _function = function;
        _table = new DmaTable(this) { IsSuspended = true };
    }

    public void Dispose() => _table.Dispose();

    /// <summary>
    /// Whether the function may issue requests. Once that is taken away no write of it is under way; those that wait for
    /// the bridge to read delay this, but no longer than a sender may wait.
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

    /// <summary>The bridge passes a range.</summary>
    /// <returns>False where it cannot be used.</returns>
    public bool Map(MemoryMessage range, FileDescriptor? descriptor)
    {
        lock (_changing)
        {
            return _table.Map(
                range.Address, range.Size, range.Access, descriptor, range.FileOffset, mayMap: true, out _) == Errno.None;
        }
    }

    /// <summary>Forgets a range; on return no access to it is under way.</summary>
    public void Unmap(MemoryMessage range)
    {
        lock (_changing)
        {
            if (_table.Find(range.Address, range.Size) is { } known)
            {
                _table.Unmap(known);
            }
        }
    }

    /// <summary>Forgets all ranges, likewise.</summary>
    public void UnmapAll()
    {
        lock (_changing)
        {
            _table.UnmapAll();
        }
    }

    /// <summary>Finds the files that hold a range, as <see cref="IHostLink.TryResolve"/> has it.</summary>
    public bool TryResolve(ulong address, ulong size, List<HostMapping> parts)
    {
        lock (_changing)
        {
            while (size > 0 && _table.Ranges.Find(address) is { File: { } file } range && IsMappable(range))
            {
                ulong inside = address - range.Address;
                ulong length = Math.Min(size, range.Size - inside);
                parts.Add(new HostMapping(length, file.Descriptor.Duplicate(), range.FileOffset + inside, file.Identity));
                address += length;
                size -= length;
            }
        }

        return size == 0;
    }

    /// <summary>Leases memory of the host that is mapped here, as <see cref="RangeTable.Lease"/> has it.</summary>
    public MemoryLease Lease(LinkConnection connection, ulong address, int wanted, DmaAccess access) =>
        (connection.Capabilities & LinkCapabilities.Direct) == 0 ? default : _table.Lease(address, wanted, access);

    /// <summary>Whether the host has memory, and nothing of it can be mapped.</summary>
    public static bool AreHidden(IEnumerable<FunctionHostMemory> functions)
    {
        bool any = false;
        foreach (FunctionHostMemory function in functions)
        {
            RangeMap ranges = function._table.Ranges;
            for (DmaRange? next = ranges.AtOrBelow(0) ?? ranges.Above(0);
                next is { } range;
                next = ranges.Above(range.Address))
            {
                if (IsMappable(range))
                {
                    return false;
                }

                any = true;
            }
        }

        return any;
    }

    public RequestStatus Read(LinkConnection connection, ulong address, Span<byte> destination) =>
        (connection.Capabilities & LinkCapabilities.Direct) == 0
            ? _table.WaitsForClient(address, destination.Length)
                ? _link.ReadByQemu(_function, address, destination)
                : _link.ReadByTlp(_function, address, destination)
            : _table.Read(address, destination).ToRequestStatus();

    /// <summary>As <see cref="IHostLink.BeginRead"/> has it: by TLPs that wait for no QEMU.</summary>
    public PendingRead BeginRead(LinkConnection connection, ulong address, ref int length, IReadTarget target) =>
        (connection.Capabilities & LinkCapabilities.Direct) != 0 || _table.WaitsForClient(address, length)
            ? default
            : _link.BeginReadByTlp(_function, address, ref length, target);

    public RequestStatus Write(LinkConnection connection, ulong address, ReadOnlySpan<byte> source)
    {
        if ((connection.Capabilities & LinkCapabilities.Direct) != 0)
        {
            return _table.Write(address, source).ToRequestStatus();
        }

        if (!_table.WaitsForClient(address, source.Length))
        {
            return SendWrite(address, source);
        }

        // A page is of one kind of memory.
        RequestStatus error = RequestStatus.Success;
        while (!source.IsEmpty && error == RequestStatus.Success)
        {
            int length = (int)Math.Min((ulong)source.Length, PageSize - (address % PageSize));
            error = _table.WaitsForClient(address, length)
                ? WriteAndAwait(address, source[..length])
                : SendWrite(address, source[..length]);
            source = source[length..];
            address += (ulong)length;
        }

        return error;
    }

    /// <inheritdoc/>
    Errno IDmaMessenger.Access(MemoryAccess access) => (access.IsWrite
        ? WriteAndAwait(access.Address, access.Source)
        : _link.ReadByQemu(_function, access.Address, access.Destination)).ToErrno();

    private static bool IsMappable(DmaRange range) =>
        range is { File: not null, Backing: DmaBacking.Mapping, Access: DmaAccess.Read | DmaAccess.Write };

    private RequestStatus WriteAndAwait(ulong address, ReadOnlySpan<byte> source)
    {
        RequestStatus error = SendWrite(address, source);
        return error == RequestStatus.Success ? _link.ReadByQemu(_function, address, []) : error;
    }

    private RequestStatus SendWrite(ulong address, ReadOnlySpan<byte> source)
    {
        int turn = _sending.Enter();
        try
        {
            return _isBusMaster ? _link.WriteByTlp(_function, address, source) : RequestStatus.NotBusMaster;
        }
        finally
        {
            _sending.Leave(turn);
        }
    }
}
