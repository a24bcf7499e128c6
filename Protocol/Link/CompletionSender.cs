using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>Answers the other side's requests. For any thread; the receiving thread's answers are batched.</summary>
internal sealed class CompletionSender(LinkConnection link)
{
    private long _refused;

    /// <summary>How many requests were refused, with UR or CA.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Sends a completion without data.</summary>
    /// <returns>False if the link has ended.</returns>
    public bool Send(FunctionId function, in TlpHeader request, Bdf completer, CompletionStatus status)
    {
        if (status != CompletionStatus.SuccessfulCompletion)
        {
            Interlocked.Increment(ref _refused);
        }

        TlpHeader header = TlpHeader.Completion(request, completer, status);
        Span<byte> deferred = link.PlaceCompletion(TlpFrame.MaxLengthWithoutData);
        if (!deferred.IsEmpty)
        {
            return link.DeferCompletion(TlpFrame.Encode(deferred, function, header, []));
        }

        Span<byte> frame = stackalloc byte[TlpFrame.MaxLengthWithoutData];
        return link.SendFrames(frame[..TlpFrame.Encode(frame, function, header, [])]);
    }

    /// <summary>Sends the data of a read.</summary>
    /// <param name="data">Its <see cref="TlpHeader.ReadLength"/> bytes.</param>
    /// <param name="readCompletionBoundary">RCB in bytes.</param>
    /// <param name="maxPayload">MPS in bytes.</param>
    /// <returns>False if the link has ended.</returns>
    public bool SendData(
        FunctionId function,
        in TlpHeader request,
        Bdf completer,
        ReadOnlySpan<byte> data,
        int readCompletionBoundary,
        int maxPayload)
    {
        var batch = new TlpBatch(link);
        bool sent = true;
        var pieces = new CompletionSplitter(request, completer, readCompletionBoundary, maxPayload);
        foreach (CompletionPiece piece in pieces)
        {
            ReadOnlySpan<byte> part = data.Slice(piece.Offset, piece.Length);
            Span<byte> deferred = link.PlaceCompletion(TlpFrame.MaxLength);
            if (!deferred.IsEmpty)
            {
                sent = link.DeferCompletion(TlpFrame.Encode(deferred, function, piece.Header, part));
            }
            else if (!batch.Add(function, piece.Header, part))
            {
                return false;
            }
        }

        return sent && batch.Send();
    }

    /// <summary>Begins to answer a read with one completion, which the holder may still withdraw.</summary>
    /// <param name="request">A read of at least one byte.</param>
    /// <param name="maxPayload">MPS in bytes.</param>
    /// <param name="length">For <see cref="Hold"/>.</param>
    /// <returns>
    /// Where its <see cref="TlpHeader.ReadLength"/> bytes go; empty if it takes more than one completion, and for all
    /// threads but the receiving one.
    /// </returns>
    public Span<byte> PlaceData(
        FunctionId function, in TlpHeader request, Bdf completer, int maxPayload, IReadHolder holder, out int length)
    {
        length = 0;
        int start = request.CompletionLowerAddress % TlpLimits.Dw;
        if (request.CompletionByteCount > maxPayload - start)
        {
            return [];
        }

        Span<byte> frame = link.PlaceCompletion(TlpFrame.MaxLength, holder);
        return frame.IsEmpty ? [] : TlpFrame.EncodeCompletion(frame, function, request, completer, out length);
    }

    /// <summary>The data has been put where <see cref="PlaceData"/> said.</summary>
    public void Hold(in TlpHeader request, int length) => link.HoldCompletion(request, length);
}
