namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Splits a transfer into memory requests, for <c>foreach</c>: none crosses a 4 KiB boundary, and none exceeds the
/// limit in whole DW; PCI Express Base Specification 5.0, sections 2.2.2 and 2.2.7.
/// </summary>
/// <remarks>
/// What does not fit in one request is cut at multiples of the limit. So all requests but the first start aligned,
/// and no aligned 2, 4 or 8 bytes are divided; it can take one request more than cutting as late as possible.
/// </remarks>
internal ref struct RequestSplitter
{
    private readonly ulong _address;
    private readonly long _length;
    private readonly int _limit;

    /// <summary>Splits <paramref name="length"/> bytes from <paramref name="address"/>.</summary>
    /// <param name="address">Host bus address of the first byte.</param>
    /// <param name="length">Bytes; none gives no request.</param>
    /// <param name="limit">MPS for writes or MRRS for reads, in bytes.</param>
    public RequestSplitter(ulong address, long length, int limit)
    {
        TlpLimits.ThrowIfNotPayloadSize(limit);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > 0 && address > ulong.MaxValue - (ulong)(length - 1))
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, "Beyond the end of the address space.");
        }

        _address = address;
        _length = length;
        _limit = limit;
    }

    /// <summary>The request that <see cref="MoveNext"/> went to.</summary>
    public RequestPiece Current { get; private set; }

    /// <summary>This splitter, as <c>foreach</c> wants.</summary>
    public readonly RequestSplitter GetEnumerator() => this;

    /// <summary>Goes to the next request, if there is one.</summary>
    public bool MoveNext()
    {
        long offset = Current.Offset + Current.Length;
        long remaining = _length - offset;
        if (remaining == 0)
        {
            return false;
        }

        ulong address = _address + (ulong)offset;
        int inDw = (int)(address % TlpLimits.Dw);
        int inPage = (int)(address % TlpLimits.RequestBoundary);
        int fits = Math.Min(_limit - inDw, TlpLimits.RequestBoundary - inPage);
        int length = remaining <= fits ? (int)remaining : _limit - (inPage & (_limit - 1));
        Current = new RequestPiece(address, offset, length);
        return true;
    }
}
