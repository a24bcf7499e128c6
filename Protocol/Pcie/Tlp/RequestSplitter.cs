namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Splits a transfer into memory requests, for <c>foreach</c>: none crosses a 4 KiB boundary or exceeds the limit in
/// whole DW (sections 2.2.2 and 2.2.7).
/// </summary>
/// <remarks>
/// Cuts are at multiples of the limit: all requests but the first start aligned, and no aligned 2, 4 or 8 bytes are
/// divided, at the price of one request more at times.
/// </remarks>
internal ref struct RequestSplitter
{
    private readonly ulong _address;
    private readonly long _length;
    private readonly int _limit;

    /// <summary>Splits a transfer.</summary>
    /// <param name="address">Host bus address of the first byte.</param>
    /// <param name="length">Bytes; 0 gives no request.</param>
    /// <param name="limit">MPS for writes or MRRS for reads, in bytes.</param>
    public RequestSplitter(ulong address, long length, int limit)
    {
        TlpLimits.ThrowIfNotPayloadSize(limit);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > 0 && address > ulong.MaxValue - (ulong)(length - 1))
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, "beyond the end of the address space");
        }

        _address = address;
        _length = length;
        _limit = limit;
    }

    public RequestPiece Current { get; private set; }

    public readonly RequestSplitter GetEnumerator() => this;

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
