using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice.Link;

/// <content>What arrives from the bridge: the host's TLPs, and the bridge's orders.</content>
internal sealed partial class BridgeLink
{
    /// <inheritdoc/>
    void ILinkHandler.HandleTlp(ushort function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (_connection is not { } connection || header.IsMessage)
        {
            // Of the messages of a root complex none asks anything of an endpoint without power of its own.
            return;
        }

        if (function >= _endpoint.FunctionCount || !_endpoint.Exists(function))
        {
            Complete(connection, function, header, CompletionStatus.UnsupportedRequest);
        }
        else if (header.PayloadLength > TlpLimits.MinPayload
            && header.PayloadLength > _endpoint.TransferLimits(function).MaxPayload)
        {
            _endpoint.RequestFailed(function, header, UncorrectableError.MalformedTlp);
        }
        else if (!NeedsSlowPath(function, header))
        {
            CarryOut(connection, function, header, payload);
        }
        else
        {
            AddToSlowPath(connection, function, header, payload);
        }
    }

    private void AddToSlowPath(
        LinkConnection connection, ushort function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (!SlowPathOf(connection, function).TryAdd(header, payload))
        {
            _logger.LogError("link ended: slow path queue overflow: too many accesses of the host to private memory of the EP guest");
            connection.Shutdown();
        }

        _circle.GiveWayIfClosed();
    }

    /// <summary>
    /// The EP guest and the host wait for each other's QEMU: answers the host's reads with Completer Abort, and lets it not
    /// wait for its writes. They are carried out when the EP guest goes on.
    /// </summary>
    private void GiveWay()
    {
        if (_connection is not { } connection)
        {
            return;
        }

        for (ushort function = 0; function < _slowPaths.Length; function++)
        {
            ushort number = function;
            Volatile.Read(ref _slowPaths[function])?.AnswerStuck(
                (in TlpHeader header) => NeedsGuest(number, header),
                (in TlpHeader header, ReadOnlySpan<byte> _) => Abandon(connection, number, header));
        }
    }

    private void Abandon(LinkConnection connection, ushort function, in TlpHeader header)
    {
        if (header.FirstByteEnables == 0)
        {
            SendData(connection, function, header, header.ReadLength);
        }
        else
        {
            Fail(connection, function, header, RequestStatus.WouldDeadlock);
        }
    }

    /// <summary>Does what a request of the host asks. For the receiving thread, or the function's slow path.</summary>
    private void CarryOut(
        LinkConnection connection, ushort function, in TlpHeader header, ReadOnlySpan<byte> payload, SlowPath? slowPath = null)
    {
        if (header.IsConfiguration)
        {
            Configure(connection, function, header, payload);
        }
        else if (!header.IsMemory && !header.IsIo || header.IsAtomicOp)
        {
            Fail(connection, function, header, RequestStatus.UnsupportedRequest);
        }
        else if (header.HasPayload)
        {
            Store(connection, function, header, payload, slowPath);
        }
        else
        {
            Load(connection, function, header, slowPath);
        }
    }

    /// <inheritdoc/>
    bool ILinkHandler.HandleControl(
        FrameKind kind, ushort function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor)
    {
        using FileDescriptor? owned = descriptor;
        if (kind is not (FrameKind.MemoryAdd or FrameKind.MemoryInvalidate or FrameKind.MemoryInvalidateAll
            or FrameKind.FunctionReset or FrameKind.BarMapped or FrameKind.InterruptAdd or FrameKind.InterruptInvalidate))
        {
            return true;
        }

        if (function >= _endpoint.FunctionCount || _connection is not { } connection)
        {
            return false;
        }

        FunctionHostMemory memory = _memory[function];
        switch (kind)
        {
            case FrameKind.MemoryAdd when MemoryMessage.TryRead(payload, out MemoryMessage range):
                bool mapped = memory.Map(range, descriptor);
                _endpoint.WhenWindowFollows(static () => { });
                return mapped;
            case FrameKind.BarMapped when (connection.Capabilities & LinkCapabilities.MapBars) != 0
                && BarMappedMessage.TryRead(payload, out BarMappedMessage message):
                Volatile.Write(ref _mappedBars[function][message.Bar], message.IsMapped);
                return true;
            case FrameKind.InterruptAdd when (connection.Capabilities & LinkCapabilities.Interrupts) != 0
                && InterruptAddMessage.TryRead(payload, out InterruptAddMessage added)
                && descriptor is not null
                && EventFd.TryAdopt(descriptor) is { } signal:
                _interrupts[function].Add(added.IsMsix, added.Vector, signal);
                return true;
            case FrameKind.InterruptInvalidate
                when InterruptInvalidateMessage.TryRead(payload, out InterruptInvalidateMessage vectors):
                _interrupts[function].Forget(vectors.IsMsix, vectors.Start, vectors.Count);
                connection.Acknowledge(payload);
                return true;
            case FrameKind.MemoryInvalidate when MemoryMessage.TryRead(payload, out MemoryMessage range):
                memory.Unmap(range);
                break;
            case FrameKind.MemoryInvalidateAll when OrderMessage.TryRead(payload, out _):
                memory.UnmapAll();
                break;
            case FrameKind.FunctionReset when OrderMessage.TryRead(payload, out int reset)
                && Enum.IsDefined((ResetKind)reset):
                CancelRequests(connection, function);
                _endpoint.ResetFunction(function, (ResetKind)reset);
                SendBarChanges(connection, function);
                break;
            default:
                return false;
        }

        // From another thread where the EP guest's QEMU has to let go first: it may be long in doing so.
        byte[] order = payload.ToArray();
        _endpoint.WhenWindowFollows(() => connection.Acknowledge(order));
        return true;
    }

    /// <summary>
    /// Whether a request is for memory of the EP guest that its QEMU does not share, or pushes such ahead of it. Others may
    /// pass those: the bridge awaits one of them before it sends what follows.
    /// </summary>
    private bool NeedsSlowPath(int function, in TlpHeader header) =>
        (header.IsMemory || header.IsIo)
            && (header.FirstByteEnables == 0
                ? _slowPaths[function] is { IsEmpty: false }
                : NeedsGuest(function, header));

    /// <summary>Whether a request is for memory of the EP guest that its QEMU does not share.</summary>
    private bool NeedsGuest(int function, in TlpHeader header) =>
        header.FirstByteEnables != 0
            && _endpoint.TryDecode(function, header.FirstByteAddress, header.IsIo, out int bar, out ulong offset)
            && _endpoint.WaitsForGuest(function, bar, offset, header.ByteLength);

    private SlowPath SlowPathOf(LinkConnection connection, ushort function) =>
        _slowPaths[function] ?? (_slowPaths[function] = NewSlowPath(connection, function));

    private SlowPath NewSlowPath(LinkConnection connection, ushort function)
    {
        SlowPath? slowPath = null;
        slowPath = new SlowPath((in TlpHeader header, ReadOnlySpan<byte> payload) =>
        {
            if (_endpoint.Exists(function))
            {
                CarryOut(connection, function, header, payload, slowPath);
            }
        });
        return slowPath;
    }

    /// <summary>Drops the host's requests that wait for the EP guest.</summary>
    private void CancelRequests(LinkConnection connection)
    {
        for (int function = 0; function < _slowPaths.Length; function++)
        {
            CancelRequests(connection, (ushort)function);
        }
    }

    private void CancelRequests(LinkConnection connection, ushort function) =>
        Volatile.Read(ref _slowPaths[function])?.Cancel((in TlpHeader header, ReadOnlySpan<byte> _) =>
            Complete(connection, function, header, CompletionStatus.CompleterAbort));

    /// <summary>Answers a request without data, if it takes an answer.</summary>
    private static void Complete(
        LinkConnection connection, ushort function, in TlpHeader header, CompletionStatus status)
    {
        if (header.IsNonPosted)
        {
            connection.Requester.SendCompletion(function, header, BdfOf(function), status);
        }
    }

    /// <summary>Refuses a request; the function records that.</summary>
    private void Fail(LinkConnection connection, ushort function, in TlpHeader header, RequestStatus error)
    {
        UncorrectableError recorded = error switch
        {
            RequestStatus.UnsupportedRequest => UncorrectableError.UnsupportedRequest,
            RequestStatus.Poisoned => UncorrectableError.PoisonedTlpReceived,
            _ => UncorrectableError.CompleterAbort,
        };

        // First, so that the host finds it recorded when it has the completion.
        _endpoint.RequestFailed(function, header, recorded);
        Complete(
            connection,
            function,
            header,
            recorded == UncorrectableError.CompleterAbort
                ? CompletionStatus.CompleterAbort
                : CompletionStatus.UnsupportedRequest);
        _failures.Report(header.HasPayload ? "write by the host" : "read by the host", header.Address, error);
    }

    private void Configure(
        LinkConnection connection, ushort function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Kind is not (TlpKind.CfgRd0 or TlpKind.CfgWr0))
        {
            Fail(connection, function, header, RequestStatus.UnsupportedRequest);
        }
        else if (header.Kind == TlpKind.CfgRd0)
        {
            BitConverter.TryWriteBytes(Data, _endpoint.ReadConfig(function, (int)header.Address));
            SendData(connection, function, header, header.ReadLength);
        }
        else
        {
            _endpoint.WriteConfig(
                function, (int)header.Address, BitConverter.ToUInt32(payload), (byte)header.FirstByteEnables);

            // Before the completion, so that the bridge knows before the host's next access.
            SendBarChanges(connection, function);

            // A write that takes bus mastering away is over when the EP guest cannot reach the host's memory any more.
            TlpHeader request = header;
            _endpoint.WhenWindowFollows(
                () => Complete(connection, function, request, CompletionStatus.SuccessfulCompletion));
        }
    }

    private void Load(LinkConnection connection, ushort function, in TlpHeader header, SlowPath? slowPath = null)
    {
        int length = header.ReadLength;
        Span<byte> data = Data.AsSpan(0, length);
        if (header.IsIo)
        {
            // The completion has the whole DW, of which only these bytes are asked for.
            data.Clear();
            data = data.Slice(header.FirstByteOffset, header.ByteLength);
        }

        bool isFlush = header.FirstByteEnables == 0;
        RequestStatus error = isFlush
            ? RequestStatus.Success
            : _endpoint.TryDecode(function, header.FirstByteAddress, header.IsIo, out int bar, out ulong offset)
                ? _endpoint.ReadBar(function, bar, offset, data)
                : RequestStatus.UnsupportedRequest;
        if ((connection.Capabilities & LinkCapabilities.Direct) == 0 && !isFlush && _endpoint.HasPendingPostedWrites)
        {
            // A completion may not pass what the EP guest has posted before it wrote what was read.
            if (slowPath is null)
            {
                AddToSlowPath(connection, function, header, []);
                return;
            }

            error = _endpoint.DrainPostedWrites() ? error : RequestStatus.CompletionTimeout;
        }

        if (slowPath is not null && !slowPath.TryAnswer())
        {
            return;
        }

        if (error == RequestStatus.Success)
        {
            SendData(connection, function, header, length);
        }
        else
        {
            Fail(connection, function, header, error);
        }
    }

    private void Store(
        LinkConnection connection, ushort function, in TlpHeader header, ReadOnlySpan<byte> payload, SlowPath? slowPath = null)
    {
        if (header.Poisoned)
        {
            // Its data is not to be used; whoever awaits a completion gets Unsupported Request (2.7.2.2).
            Fail(connection, function, header, RequestStatus.Poisoned);
            return;
        }

        RequestStatus error = RequestStatus.UnsupportedRequest;
        if (_endpoint.TryDecode(function, header.FirstByteAddress, header.IsIo, out int bar, out ulong offset))
        {
            error = WriteBar(function, bar, offset, header, TlpPayload.Unpack(header, payload));
        }

        if (slowPath is not null && header.IsNonPosted && !slowPath.TryAnswer())
        {
            return;
        }

        if (error == RequestStatus.Success)
        {
            Complete(connection, function, header, CompletionStatus.SuccessfulCompletion);
        }
        else
        {
            Fail(connection, function, header, error);
        }
    }

    private RequestStatus WriteBar(int function, int bar, ulong offset, in TlpHeader header, ReadOnlySpan<byte> bytes)
    {
        if (header.IsContiguous)
        {
            return _endpoint.WriteBar(function, bar, offset, bytes);
        }

        RequestStatus error = RequestStatus.Success;
        for (int i = 0; i < bytes.Length && error == RequestStatus.Success; i++)
        {
            if (header.IsByteEnabled(i))
            {
                error = _endpoint.WriteBar(function, bar, offset + (ulong)i, bytes.Slice(i, 1));
            }
        }

        return error;
    }

    private void SendData(LinkConnection connection, ushort function, in TlpHeader header, int length) =>
        connection.Requester.SendData(
            function,
            header,
            BdfOf(function),
            Data.AsSpan(0, length),
            ReadCompletionBoundary,
            _endpoint.TransferLimits(function).MaxPayload);

    /// <summary>Tells the bridge where the host's last write has put BARs, as far as that is new.</summary>
    private void SendBarChanges(LinkConnection connection, ushort function)
    {
        int generation = _endpoint.BarGeneration(function);
        if (generation != _barGenerations[function])
        {
            _barGenerations[function] = generation;
            SendBars(connection, function);
        }
    }

    /// <summary>Tells the bridge what it does not know of the BARs yet.</summary>
    private void SendBars(LinkConnection connection, ushort function)
    {
        // The thread that serves the EP guest does this, too.
        using Lock.Scope locked = _barsLock.EnterScope();
        if (_endpoint.Describe(function) is not { } description)
        {
            return;
        }

        Span<byte> message = stackalloc byte[BarAddressMessage.Length];
        for (int bar = 0; bar < BarCount; bar++)
        {
            var now = new BarAddressMessage(
                bar, description.BarAddresses[bar], description.BarsEnabled[bar], description.BarsAwaited[bar]);
            if (_barsSent[function][bar] != now)
            {
                _barsSent[function][bar] = now;
                now.Write(message);
                connection.SendControl(FrameKind.BarAddress, function, message);
            }
        }
    }
}
