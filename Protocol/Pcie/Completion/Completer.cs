using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Pcie.Completion;

/// <summary>
/// The completer's rules for both ends of the link: decides whether a request is carried out or refused, carries it
/// out, and answers it. Sections are of the PCI Express Base Specification 6.0.
/// </summary>
/// <remarks>For the receiving thread and a slow path at the same time. Allocates nothing for memory and I/O requests.
/// </remarks>
internal sealed class Completer(ICompleterTarget target, ICompletionSender sender)
{
    // Data of a read, for each thread that carries out requests.
    [ThreadStatic]
    private static byte[]? s_data;

    /// <summary>Whether a request leads to private memory.</summary>
    public bool IsPrivate(in TlpHeader request) =>
        (request.IsMemory || request.IsIo)
        && request.FirstByteEnables != 0
        && target.TryRoute(request, out Route route)
        && route.IsPrivate;

    /// <summary>Carries a request or message out without waiting. For the receiving thread.</summary>
    /// <returns>False if it waits for a QEMU, and must be given to <see cref="CarryOutQueued"/>.</returns>
    public bool TryCarryOut(in TlpHeader request, ReadOnlySpan<byte> payload)
    {
        if (request.IsMessage)
        {
            target.ReceiveMessage(request);
            return true;
        }

        if (!target.IsPresent)
        {
            Complete(request, CompletionStatus.UnsupportedRequest);
            return true;
        }

        // Section 2.2.2: a TLP with more data than Max_Payload_Size is malformed. It is dropped (2.3), without
        // completion.
        if (request.PayloadLength > TlpLimits.MinPayload && request.PayloadLength > target.MaxReceivedPayload)
        {
            target.RecordMalformed(request);
            return true;
        }

        return CarryOut(request, payload, claim: null);
    }

    /// <summary>Carries out a request that <see cref="TryCarryOut"/> declined. For the slow path.</summary>
    /// <param name="request">The request.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="claim">Claims the answer: false if the request was answered to break a deadlock.</param>
    public void CarryOutQueued(in TlpHeader request, ReadOnlySpan<byte> payload, Func<bool> claim)
    {
        if (target.IsPresent)
        {
            CarryOut(request, payload, claim);
        }
        else
        {
            Cancel(request);
        }
    }

    /// <summary>Refuses a request: records the failure, then completes the request if it is non-posted.</summary>
    public void Refuse(in TlpHeader request, RequestStatus status)
    {
        // The host must find the error recorded when it has the completion.
        target.RecordFailure(request, status);

        // Section 2.7.2.2: poisoned requests that take a completion get Unsupported Request.
        Complete(
            request,
            status is RequestStatus.UnsupportedRequest or RequestStatus.Poisoned
                ? CompletionStatus.UnsupportedRequest
                : CompletionStatus.CompleterAbort);
    }

    /// <summary>Answers a request to break a deadlock: a zero-length read with success, all else as a
    /// failure.</summary>
    public void Abandon(in TlpHeader request)
    {
        if (request.FirstByteEnables == 0)
        {
            SendData(request, Data[..request.ReadLength]);
        }
        else
        {
            Refuse(request, RequestStatus.WouldDeadlock);
        }
    }

    /// <summary>Drops a request that waits: it is completed with Completer Abort, so that its tag becomes
    /// free.</summary>
    public void Cancel(in TlpHeader request) => Complete(request, CompletionStatus.CompleterAbort);

    private static Span<byte> Data => s_data ??= new byte[TlpLimits.MaxPayload];

    private bool CarryOut(in TlpHeader request, ReadOnlySpan<byte> payload, Func<bool>? claim)
    {
        if (request.IsConfiguration)
        {
            Configure(request, payload);
            return true;
        }

        Route route = default;
        RequestStatus status = RequestStatus.Success;
        bool isEmpty = request.FirstByteEnables == 0;
        bool isFlush = isEmpty && !request.HasPayload;
        if ((!request.IsMemory && !request.IsIo) || request.IsAtomicOp
            || (!isFlush && !target.TryRoute(request, out route)))
        {
            status = RequestStatus.UnsupportedRequest;
        }
        else if (route.IsPrivate && !isEmpty && claim is null)
        {
            return false;
        }
        else if (request.HasPayload)
        {
            // Section 2.7.2.1: poisoned data must not be used.
            status = request.Poisoned ? RequestStatus.Poisoned : Write(route, request, payload);
        }
        else if (!isFlush)
        {
            return Read(route, request, claim);
        }

        if (request.IsNonPosted && claim is not null && !claim())
        {
            return true;
        }

        if (status != RequestStatus.Success)
        {
            Refuse(request, status);
        }
        else if (request.HasPayload)
        {
            Complete(request, CompletionStatus.SuccessfulCompletion);
        }
        else
        {
            SendData(request, Data[..request.ReadLength]);
        }

        return true;
    }

    private bool Read(in Route route, in TlpHeader request, Func<bool>? claim)
    {
        if (claim is null && TryHold(route, request))
        {
            return true;
        }

        Span<byte> all = Data[..request.ReadLength];
        Span<byte> asked = all;
        if (request.IsIo)
        {
            // The completion carries the whole DW, of which only these bytes were asked for.
            all.Clear();
            asked = all.Slice(request.FirstByteOffset, request.ByteLength);
        }

        RequestStatus status = target.Read(route, asked);
        if (target.HasPendingPostedWrites)
        {
            // Section 2.4.1: a completion may not pass what the guest posted before it wrote what was read.
            if (claim is null)
            {
                return false;
            }

            status = target.DrainPostedWrites() ? status : RequestStatus.CompletionTimeout;
        }

        if (claim is not null && !claim())
        {
            return true;
        }

        if (status == RequestStatus.Success)
        {
            SendData(request, all);
        }
        else
        {
            Refuse(request, status);
        }

        return true;
    }

    /// <summary>Answers a read together with others, whose order with posted writes is checked once.</summary>
    /// <returns>False if it must be answered by itself, or refused.</returns>
    private bool TryHold(in Route route, in TlpHeader request)
    {
        if (request.IsIo)
        {
            return false;
        }

        Span<byte> place = sender.BeginHeld(request, target.MaxPayload, out int length);
        if (place.IsEmpty || target.Read(route, place) != RequestStatus.Success)
        {
            return false;
        }

        sender.EndHeld(request, length);
        return true;
    }

    private RequestStatus Write(in Route route, in TlpHeader request, ReadOnlySpan<byte> payload)
    {
        // Section 2.2.5: a write without an enabled byte has no effect.
        if (request.FirstByteEnables == 0)
        {
            return RequestStatus.Success;
        }

        ReadOnlySpan<byte> bytes = TlpPayload.Unpack(request, payload);
        if (request.IsContiguous)
        {
            return target.Write(route, bytes);
        }

        RequestStatus status = RequestStatus.Success;
        for (int i = 0; i < bytes.Length && status == RequestStatus.Success; i++)
        {
            if (request.IsByteEnabled(i))
            {
                status = target.Write(route with { Offset = route.Offset + (ulong)i }, bytes.Slice(i, 1));
            }
        }

        return status;
    }

    private void Configure(in TlpHeader request, ReadOnlySpan<byte> payload)
    {
        if (request.Kind == TlpKind.CfgRd0 && target.TryReadConfig((int)request.Address, out uint value))
        {
            BitConverter.TryWriteBytes(Data, value);
            SendData(request, Data[..request.ReadLength]);
        }
        else if (request.Kind != TlpKind.CfgWr0 || !TryWriteConfig(request, payload))
        {
            Refuse(request, RequestStatus.UnsupportedRequest);
        }
    }

    private bool TryWriteConfig(TlpHeader request, ReadOnlySpan<byte> payload)
    {
        if (request.Poisoned)
        {
            Refuse(request, RequestStatus.Poisoned);
            return true;
        }

        return target.TryWriteConfig(
            (int)request.Address,
            BitConverter.ToUInt32(payload),
            (byte)request.FirstByteEnables,
            () => Complete(request, CompletionStatus.SuccessfulCompletion));
    }

    private void SendData(in TlpHeader request, ReadOnlySpan<byte> data) =>
        sender.SendData(request, data, target.ReadCompletionBoundary, target.MaxPayload);

    private void Complete(in TlpHeader request, CompletionStatus status)
    {
        if (request.IsNonPosted)
        {
            sender.SendCompletion(request, status);
        }
    }
}
