using EpfTest.Protocol.GuestMemory;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;

namespace EpfTest.EpcDevice.HostSide;

/// <summary>The host's memory as one function reaches it.</summary>
/// <remarks>
/// Any thread but the link's receiving one may read and write. Ranges come and go by that one, and go by whoever takes
/// the link down.
/// </remarks>
internal sealed class FunctionHostMemory : IDmaMessenger, IDisposable
{
    private readonly BridgeLink _link;
    private readonly int _function;
    private readonly DmaTable _table;
    private readonly Lock _changing = new();
    private readonly AccessGate _sending = new();
    private volatile bool _isBusMaster;
    private volatile int _sharedRanges;

    // Writes that went as TLPs, and how many of them a flush is known to have pushed to their end.
    private long _posted;
    private long _flushed;
    private ulong _lastPosted;

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
            Errno error = _table.Map(
                range.Address, range.Size, range.Access, descriptor, range.FileOffset, mayMap: true, out DmaRange? mapped);
            if (mapped?.File is not null)
            {
                _sharedRanges++;
            }

            return error == Errno.None;
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
                _sharedRanges -= known.File is null ? 0 : 1;
            }
        }
    }

    /// <summary>Forgets all ranges, likewise.</summary>
    public void UnmapAll()
    {
        lock (_changing)
        {
            _table.UnmapAll();
            _sharedRanges = 0;
        }
    }

    public Errno Read(LinkConnection connection, ulong address, Span<byte> destination)
    {
        if ((connection.Capabilities & LinkCapabilities.Direct) == 0)
        {
            return _link.ReadByTlp(_function, address, destination);
        }

        Errno error = FlushBeforeDirect();
        return error == Errno.None ? _table.Read(address, destination) : error;
    }

    public Errno Write(LinkConnection connection, ulong address, ReadOnlySpan<byte> source)
    {
        if ((connection.Capabilities & LinkCapabilities.Direct) == 0)
        {
            return SendWrite(address, source);
        }

        Errno error = FlushBeforeDirect();
        return error == Errno.None ? _table.Write(address, source) : error;
    }

    /// <inheritdoc/>
    Errno IDmaMessenger.DmaRead(ulong address, Span<byte> destination) =>
        _link.ReadByTlp(_function, address, destination);

    /// <inheritdoc/>
    Errno IDmaMessenger.DmaWrite(ulong address, ReadOnlySpan<byte> source)
    {
        Errno error = SendWrite(address, source);
        Volatile.Write(ref _lastPosted, address);

        // Not before it was sent: another thread's flush would leave it behind, and yet count it.
        Interlocked.Increment(ref _posted);

        // A host that reads a BAR directly pushes nothing ahead of it, so the write must have arrived before the EP
        // guest goes on and sets a flag there.
        return error == Errno.None && _link.HostReadsDirectly ? Flush() : error;
    }

    private Errno SendWrite(ulong address, ReadOnlySpan<byte> source)
    {
        int turn = _sending.Enter();
        try
        {
            return _isBusMaster ? _link.WriteByTlp(_function, address, source) : Errno.EPERM;
        }
        finally
        {
            _sending.Leave(turn);
        }
    }

    /// <summary>A direct access may not pass a write that went as a TLP.</summary>
    private Errno FlushBeforeDirect() => _sharedRanges > 0 ? Flush() : Errno.None;

    private Errno Flush()
    {
        long posted = Volatile.Read(ref _posted);
        if (posted == Volatile.Read(ref _flushed))
        {
            return Errno.None;
        }

        Errno error = _link.ReadByTlp(_function, Volatile.Read(ref _lastPosted), []);
        if (error is Errno.ENOTCONN or Errno.ETIMEDOUT)
        {
            return error;
        }

        // Only once it is done, so that nobody goes ahead meanwhile. Where two threads flush, the lower count may stay:
        // one flush too many then follows.
        Volatile.Write(ref _flushed, posted);
        return Errno.None;
    }
}
