using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>TLPs that go out together, in a buffer of the calling thread.</summary>
internal ref struct TlpBatch
{
    private const int Size = 32 << 10;

    [ThreadStatic]
    private static byte[]? s_buffer;

    private readonly LinkConnection _link;
    private readonly byte[] _buffer = s_buffer ??= GC.AllocateUninitializedArray<byte>(Size + TlpFrame.MaxLength);
    private int _length;

    public TlpBatch(LinkConnection link) => _link = link;

    /// <summary>Adds a TLP, and sends the batch if it is full.</summary>
    /// <returns>False if the link has ended.</returns>
    public bool Add(FunctionId function, in TlpHeader header, ReadOnlySpan<byte> data)
    {
        _length += TlpFrame.Encode(_buffer.AsSpan(_length), function, header, data);
        return _length < Size || Send();
    }

    /// <summary>Sends the rest.</summary>
    /// <returns>False if the link has ended.</returns>
    public bool Send()
    {
        bool sent = _length == 0 || _link.SendFrames(_buffer.AsSpan(0, _length));
        _length = 0;
        return sent;
    }
}
