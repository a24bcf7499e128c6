namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Follows one non-posted request to its end: gathers the data of its completions, which PCIe delivers in address
/// order for one request; PCI Express Base Specification 5.0, section 2.3.2.
/// </summary>
/// <remarks>
/// A small value to be kept in an array by tag; default expects nothing. Not thread-safe. After
/// <see cref="CompletionResult.Done"/>, <see cref="CompletionResult.Poisoned"/> or a status the tag is free. The
/// mismatches and <see cref="CompletionResult.Overrun"/> are protocol errors of the completer: more completions may
/// follow, so the tag is not free before the link was reset.
/// </remarks>
internal struct CompletionAssembler
{
    private readonly TlpHeader _request;
    private int _received;
    private bool _poisoned;

    /// <summary>Waits for the completions of <paramref name="request"/>.</summary>
    /// <param name="request">A non-posted request.</param>
    public CompletionAssembler(in TlpHeader request)
    {
        if (!request.IsNonPosted)
        {
            throw new ArgumentException("Not a request that a completion answers.", nameof(request));
        }

        _request = request;
        Result = CompletionResult.InProgress;
    }

    /// <summary>Where the request is: in progress, or how it ended.</summary>
    public CompletionResult Result { get; private set; }

    /// <summary>Takes a completion.</summary>
    /// <param name="completion">A header that <see cref="TlpHeader.TryDecode"/> accepted.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="destination">
    /// The whole buffer of the request, <see cref="TlpHeader.ReadLength"/> bytes, the same in each call.
    /// </param>
    /// <returns>What it did. The new <see cref="Result"/> unless <see cref="CompletionResult.Unexpected"/>.</returns>
    public CompletionResult Accept(in TlpHeader completion, ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        CompletionResult result = Accept(
            completion, payload, destination.Length, out int offset, out ReadOnlySpan<byte> data);
        data.CopyTo(destination[offset..]);
        return result;
    }

    /// <summary>Takes a completion, and leaves it to the caller to put its data where it belongs.</summary>
    /// <param name="completion">A header that <see cref="TlpHeader.TryDecode"/> accepted.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="offset">Where in the request's <see cref="TlpHeader.ReadLength"/> bytes the data belongs.</param>
    /// <param name="data">The data, none of a completion that is poisoned or does not match.</param>
    /// <returns>What it did. The new <see cref="Result"/> unless <see cref="CompletionResult.Unexpected"/>.</returns>
    public CompletionResult Accept(
        in TlpHeader completion, ReadOnlySpan<byte> payload, out int offset, out ReadOnlySpan<byte> data) =>
        Accept(completion, payload, _request.ReadLength, out offset, out data);

    private CompletionResult Accept(
        in TlpHeader completion, ReadOnlySpan<byte> payload, int room, out int offset, out ReadOnlySpan<byte> data)
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

        offset = Math.Min(_received, room);
        Result = Take(completion, payload, room, ref data);
        return Result;
    }

    private CompletionResult Take(
        in TlpHeader completion, ReadOnlySpan<byte> payload, int room, ref ReadOnlySpan<byte> data)
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

        return completion.HasPayload ? TakeData(completion, payload, room, ref data) : CompletionResult.Done;
    }

    private CompletionResult TakeData(
        in TlpHeader completion, ReadOnlySpan<byte> payload, int room, ref ReadOnlySpan<byte> data)
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
        if (payload.Length != completion.PayloadLength || length > room - _received)
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
