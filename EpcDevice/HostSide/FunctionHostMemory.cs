using EpfTest.Protocol.GuestMemory;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;

namespace EpfTest.EpcDevice.HostSide;

/// <summary>The host's memory as one function reaches it.</summary>
/// <remarks>
/// <para>Memory that the host's QEMU does not share is written by that QEMU, some time after the bridge was asked. The
/// bridge keeps the order of what we send, but completions of the host's own reads pass such a write, as QEMU carries none
/// out while an access of its guest is under way. So a write to such memory is awaited, by a read of nothing, before the
/// EP guest or a DMA channel goes on: nothing that they do later can be seen without it.</para>
/// <para>/// Any thread but the link's receiving one may read and write. Ranges come and go by that one, and go by whoever takes
/// the link down.</para>
/// </remarks>
internal sealed class FunctionHostMemory : IDmaMessenger, IDisposable
{
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

    public Errno Read(LinkConnection connection, ulong address, Span<byte> destination) =>
        (connection.Capabilities & LinkCapabilities.Direct) == 0
            ? _link.ReadByTlp(_function, address, destination)
            : _table.Read(address, destination);

    public Errno Write(LinkConnection connection, ulong address, ReadOnlySpan<byte> source)
    {
        if ((connection.Capabilities & LinkCapabilities.Direct) != 0)
        {
            return _table.Write(address, source);
        }

        Errno error = SendWrite(address, source);
        return error == Errno.None && _table.WaitsForClient(address, source.Length) ? Flush(address) : error;
    }

    /// <inheritdoc/>
    Errno IDmaMessenger.DmaRead(ulong address, Span<byte> destination) =>
        _link.ReadByTlp(_function, address, destination);

    /// <inheritdoc/>
    Errno IDmaMessenger.DmaWrite(ulong address, ReadOnlySpan<byte> source)
    {
        Errno error = SendWrite(address, source);
        return error == Errno.None ? Flush(address) : error;
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

    /// <summary>Awaits a write that the bridge hands to the host's QEMU.</summary>
    private Errno Flush(ulong address) => _link.ReadByTlp(_function, address, []);
}
