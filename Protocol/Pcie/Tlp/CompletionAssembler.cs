namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Checks the completions of one non-posted request, which arrive in address order (section 2.3.2).
/// </summary>
/// <remarks>
/// A small value for an array by tag; default expects nothing. Not thread-safe. <see cref="CompletionResult.Done"/>,
/// <see cref="CompletionResult.Poisoned"/> or a status releases the tag. A mismatch or
/// <see cref="CompletionResult.Overrun"/> is a protocol error of the completer: more completions may follow, so the tag
/// stays in use until the link is reset.
/// </remarks>
internal struct CompletionAssembler
{
    private readonly TlpHeader _request;
    private int _received;
    private bool _poisoned;

    /// <summary>Expects the completions of a non-posted request.</summary>
    public CompletionAssembler(in TlpHeader request)
    {
        if (!request.IsNonPosted)
        {
            throw new ArgumentException("not a non-posted request", nameof(request));
        }

        _request = request;
        Result = CompletionResult.InProgress;
    }

    public CompletionResult Result { get; private set; }

    /// <summary>Takes a completion that <see cref="TlpHeader.TryDecode"/> accepted.</summary>
    /// <param name="completion">Its header.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="offset">Offset of the data in the request's <see cref="TlpHeader.ReadLength"/> bytes.</param>
    /// <param name="data">The data; empty if the completion is poisoned or does not match.</param>
    /// <returns>The new <see cref="Result"/>; <see cref="CompletionResult.Unexpected"/> changes nothing.</returns>
    public CompletionResult Accept(
        in TlpHeader completion, ReadOnlySpan<byte> payload, out int offset, out ReadOnlySpan<byte> data)
    {
        offset = 0;
        data = [];
        if (Result != CompletionResult.InProgress
            || !completion.IsCompletion
            || completion.Tag != _request.Tag
            || completion.Requester != _request.Requester)
        {
            return CompletionResult.Unexpected;
        }

        offset = Math.Min(_received, _request.ReadLength);
        Result = Take(completion, payload, ref data);
        return Result;
    }

    private CompletionResult Take(
        in TlpHeader completion, ReadOnlySpan<byte> payload, ref ReadOnlySpan<byte> data)
    {
        if (completion.TrafficClass != _request.TrafficClass || completion.Attributes != _request.Attributes)
        {
            return CompletionResult.AttributesMismatch;
        }

        if (completion.Status != CompletionStatus.SuccessfulCompletion)
        {
            return completion.Status switch
            {
                CompletionStatus.CompleterAbort => CompletionResult.CompleterAbort,
                CompletionStatus.ConfigurationRequestRetryStatus => CompletionResult.RetryStatus,
                _ => CompletionResult.UnsupportedRequest,
            };
        }

        if (completion.HasPayload != _request.ExpectsData)
        {
            return CompletionResult.KindMismatch;
        }

        return completion.HasPayload ? TakeData(completion, payload, ref data) : CompletionResult.Done;
    }

    private CompletionResult TakeData(
        in TlpHeader completion, ReadOnlySpan<byte> payload, ref ReadOnlySpan<byte> data)
    {
        if (completion.ByteCount != _request.CompletionByteCount - _received)
        {
            return CompletionResult.ByteCountMismatch;
        }

        if (completion.LowerAddress != ExpectedLowerAddress)
        {
            return CompletionResult.LowerAddressMismatch;
        }

        int length = Math.Min(completion.ByteLength, _request.ReadLength);
        if (payload.Length != completion.PayloadLength || length > _request.ReadLength - _received)
        {
            return CompletionResult.Overrun;
        }

        _poisoned |= completion.Poisoned;
        if (!completion.Poisoned)
        {
            data = TlpPayload.Unpack(completion, payload)[..length];
        }

        _received += completion.ByteLength;
        if (_received < _request.CompletionByteCount)
        {
            return CompletionResult.InProgress;
        }

        return _poisoned ? CompletionResult.Poisoned : CompletionResult.Done;
    }

    private readonly int ExpectedLowerAddress =>
        (_request.CompletionLowerAddress + _received) % TlpLimits.MaxReadCompletionBoundary;
}
