namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Splits the data of a read into completions, for <c>foreach</c>: as few as MPS allows, all but the last ending at a
/// multiple of RCB (section 2.3.1.1).
/// </summary>
internal ref struct CompletionSplitter
{
    private readonly TlpHeader _request;
    private readonly Bdf _completer;
    private readonly int _rcb;
    private readonly int _mps;
    private int _completed;

    /// <summary>Splits the data of a read or AtomicOp.</summary>
    /// <param name="request">The read or AtomicOp.</param>
    /// <param name="completer">Completer ID.</param>
    /// <param name="readCompletionBoundary">RCB in bytes: 64 or 128 for a root complex, 128 for an endpoint.</param>
    /// <param name="maxPayloadSize">MPS in bytes.</param>
    public CompletionSplitter(in TlpHeader request, Bdf completer, int readCompletionBoundary, int maxPayloadSize)
    {
        if (readCompletionBoundary is not (TlpLimits.MinReadCompletionBoundary or TlpLimits.MaxReadCompletionBoundary))
        {
            throw new ArgumentOutOfRangeException(
                nameof(readCompletionBoundary), readCompletionBoundary, "RCB is 64 or 128");
        }

        if (!request.ExpectsData)
        {
            throw new ArgumentException("not a request that returns data", nameof(request));
        }

        TlpLimits.ThrowIfNotPayloadSize(maxPayloadSize);
        _request = request;
        _completer = completer;
        _rcb = readCompletionBoundary;
        _mps = maxPayloadSize;
    }

    public CompletionPiece Current { get; private set; }

    public readonly CompletionSplitter GetEnumerator() => this;

    public bool MoveNext()
    {
        int offset = _completed;
        int remaining = _request.CompletionByteCount - offset;
        if (remaining == 0)
        {
            return false;
        }

        int start = _request.CompletionLowerAddress + offset;
        bool fits = remaining <= _mps - (start % TlpLimits.Dw);
        int length = fits ? remaining : ((start + _mps) & ~(_rcb - 1)) - start;

        _completed += length;
        TlpHeader header = TlpHeader.CompletionData(_request, _completer, offset, length);
        Current = new CompletionPiece(header, offset, Math.Min(length, _request.ReadLength));
        return true;
    }
}
