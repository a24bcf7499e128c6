using EpfTest.Protocol.GuestMemory;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Linux;

namespace EpfTest.EpcDevice.HostSide;

/// <summary>The host's memory as one function reaches it.</summary>
/// <remarks>May be used by any thread but the link's receiving one, which alone changes <see cref="Table"/>.</remarks>
internal sealed class FunctionHostMemory : IDmaMessenger, IDisposable
{
    private readonly BridgeLink _link;
    private readonly int _function;
    private volatile bool _mustFlush;
    private ulong _lastPosted;

    public FunctionHostMemory(BridgeLink link, int function)
    {
        _link = link;
        _function = function;
        Table = new DmaTable(this);
    }

    /// <summary>What the bridge passed, empty without the direct path.</summary>
    public DmaTable Table { get; }

    public void Dispose() => Table.Dispose();

    public Errno Read(LinkConnection connection, ulong address, Span<byte> destination)
    {
        if (!connection.Capabilities.HasFlag(LinkCapabilities.Direct))
        {
            return _link.ReadByTlp(_function, address, destination);
        }

        Errno error = Flush();
        return error == Errno.None ? Table.Read(address, destination) : error;
    }

    public Errno Write(LinkConnection connection, ulong address, ReadOnlySpan<byte> source)
    {
        if (!connection.Capabilities.HasFlag(LinkCapabilities.Direct))
        {
            return _link.WriteByTlp(_function, address, source);
        }

        Errno error = Flush();
        return error == Errno.None ? Table.Write(address, source) : error;
    }

    /// <inheritdoc/>
    Errno IDmaMessenger.DmaRead(ulong address, Span<byte> destination) =>
        _link.ReadByTlp(_function, address, destination);

    /// <inheritdoc/>
    Errno IDmaMessenger.DmaWrite(ulong address, ReadOnlySpan<byte> source)
    {
        _lastPosted = address;
        _mustFlush = true;
        return _link.WriteByTlp(_function, address, source);
    }

    /// <summary>A direct access may not pass a write that went as a TLP.</summary>
    private Errno Flush()
    {
        if (!_mustFlush)
        {
            return Errno.None;
        }

        _mustFlush = false;
        Errno error = _link.ReadByTlp(_function, _lastPosted, []);
        return error is Errno.ENOTCONN or Errno.ETIMEDOUT ? error : Errno.None;
    }
}
