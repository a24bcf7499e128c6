using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpfBridge;

/// <content>What arrives from EpcDevice; called by the link's receiving thread, which never waits for the host's QEMU: what
/// has to is for the slow path.</content>
internal sealed partial class EndpointFunction
{
    // Where the data of a read is put together: one for each thread that carries out requests.
    [ThreadStatic]
    private static byte[]? s_data;

    private readonly SlowPath _slowPath;

    /// <summary>The host has placed a BAR; while it is not enabled its accesses are TLPs, as which they are refused.</summary>
    public void PlaceBar(BarAddressMessage placed)
    {
        Volatile.Write(ref _barAddresses[placed.Bar], placed.Address);
        Volatile.Write(ref _barsEnabled[placed.Bar], placed.IsEnabled);
        Volatile.Write(ref _barsAwaited[placed.Bar], placed.IsAwaited);
    }

    /// <summary>A part of a BAR is this memory.</summary>
    /// <returns>False where it cannot be: it is outside its BAR or its file, or overlaps.</returns>
    public bool AddInbound(InboundAddMessage message, FileDescriptor descriptor)
    {
        if (_isRetired)
        {
            descriptor.Dispose();
            return true;
        }

        ulong size = _description.Bars[message.Bar].Size;
        if (message.Offset > size || message.Size > size - message.Offset)
        {
            descriptor.Dispose();
            return false;
        }

        return _inbound[message.Bar].Map(
            message.Offset, message.Size, message.Access, descriptor, message.FileOffset, mayMap: true, out _) == Errno.None;
    }

    /// <summary>
    /// Forgets what a BAR is; on return no access to that memory is under way any more. One that the host's QEMU has
    /// mapped cannot be forgotten, and EpcDevice knows.
    /// </summary>
    public void InvalidateInbound(int bar)
    {
        if (bar >= 0 && bar < _inbound.Length)
        {
            lock (_mapLock)
            {
                if (!_isMapped[bar])
                {
                    _inbound[bar].UnmapAll();
                }
            }
        }
    }

    /// <summary>A request or message of the function.</summary>
    public void HandleTlp(in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_isPresent)
        {
            Refuse(header, CompletionStatus.UnsupportedRequest);
        }
        else if (!NeedsSlowPath(header))
        {
            CarryOut(header, payload, onSlowPath: false);
        }
        else
        {
            AddToSlowPath(header, payload);
        }
    }

    private void AddToSlowPath(in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_slowPath.TryAdd(header, payload))
        {
            _logger.LogError(
                "link ended: slow path queue overflow: too many accesses of function {Function} to private memory of the host",
                _number);
            _link.Shutdown();
        }
    }

    /// <summary>
    /// Whether a request is for memory of the host that its QEMU does not share, or pushes such ahead of it. Others may
    /// pass those: whoever asked for one of them awaits it before asking for anything else.
    /// </summary>
    private bool NeedsSlowPath(in TlpHeader header) =>
        header.IsMemory
            && (header.FirstByteEnables == 0
                ? !_slowPath.IsEmpty
                : _client?.Memory.WaitsForClient(header.FirstByteAddress, header.ByteLength) ?? false);

    /// <summary>Does what a request or message asks. For the receiving thread, or the slow path.</summary>
    private void CarryOut(in TlpHeader header, ReadOnlySpan<byte> payload, bool onSlowPath)
    {
        if (header.IsMessage)
        {
            Interrupt(header);
        }
        else if (header.IsMemoryRead)
        {
            Load(header, onSlowPath);
        }
        else if (header.IsMemory && header.HasPayload && !header.IsAtomicOp)
        {
            Store(header, payload);
        }
        else
        {
            Refuse(header, CompletionStatus.UnsupportedRequest);
        }
    }

    /// <summary>Drops what the host's QEMU was not asked yet: the function may have nothing under way any more.</summary>
    private void CancelRequests() => _slowPath.Cancel(
        (in TlpHeader header, ReadOnlySpan<byte> _) => Refuse(header, CompletionStatus.CompleterAbort));

    private void Refuse(in TlpHeader header, CompletionStatus status)
    {
        if (header.IsNonPosted)
        {
            _link.Requester.SendCompletion(_number, header, RootComplex, status);
        }
    }

    private void Interrupt(in TlpHeader header)
    {
        if (_client is not { } client)
        {
            return;
        }

        if (InterruptMessage.TryRead(header, out bool msix, out int vector))
        {
            IrqIndex index = msix ? IrqIndex.Msix : IrqIndex.Msi;
            if (vector < IrqCounts[(int)index])
            {
                client.Interrupts.Trigger(index, vector);
            }
        }
        else if (header.MessageCode is >= MessageCode.Assert_INTA and <= MessageCode.Deassert_INTD
            && IrqCounts[(int)IrqIndex.Intx] > 0)
        {
            client.Interrupts.SetIntx(header.MessageCode <= MessageCode.Assert_INTD);
        }
    }

    /// <inheritdoc/>
    bool ISignalLessee.TryLease(IrqIndex index, int vector, FileDescriptor signal)
    {
        Span<byte> message = stackalloc byte[InterruptAddMessage.Length];
        new InterruptAddMessage(index == IrqIndex.Msix, vector).Write(message);
        return index is IrqIndex.Msi or IrqIndex.Msix
            && _link.TrySendControl(FrameKind.InterruptAdd, _number, message, signal);
    }

    /// <inheritdoc/>
    void ISignalLessee.Return(IrqIndex index, int start, int count)
    {
        if (BeginOnLink())
        {
            Span<byte> message = stackalloc byte[InterruptInvalidateMessage.Length];
            new InterruptInvalidateMessage(index == IrqIndex.Msix, start, count).Write(message);
            _link.Order(FrameKind.InterruptInvalidate, _number, message);
            EndOnLink();
        }
    }

    /// <inheritdoc/>
    bool IReadHolder.MayAnswer() => _client is not { HasPendingPostedWrites: true };

    /// <inheritdoc/>
    void IReadHolder.AnswerLater(in TlpHeader request) => AddToSlowPath(request, []);

    private void Load(in TlpHeader header, bool onSlowPath)
    {
        if (!onSlowPath && TryHold(header))
        {
            return;
        }

        Span<byte> data = (s_data ??= new byte[TlpLimits.MaxPayload]).AsSpan(0, header.ReadLength);
        bool isFlush = header.FirstByteEnables == 0;
        RequestStatus error = isFlush ? RequestStatus.Success : _client?.Memory.Read(header.FirstByteAddress, data).ToRequestStatus()
            ?? RequestStatus.UnsupportedRequest;
        if (!IsDirect && !isFlush && _client is { HasPendingPostedWrites: true } client)
        {
            // A completion may not pass what the host has posted before it wrote what was read.
            if (!onSlowPath)
            {
                AddToSlowPath(header, []);
                return;
            }

            error = client.DrainPostedWrites() ? error : RequestStatus.CompletionTimeout;
        }

        if (error == RequestStatus.Success)
        {
            _link.Requester.SendData(
                _number, header, RootComplex, data, _config.ReadCompletionBoundary, _config.MaxPayload);
        }
        else
        {
            Refuse(
                header,
                error == RequestStatus.UnsupportedRequest ? CompletionStatus.UnsupportedRequest : CompletionStatus.CompleterAbort);
        }
    }

    /// <summary>
    /// Answers a read together with others: whether they pass what the host has posted before it wrote what was read is
    /// asked for all of them at once.
    /// </summary>
    /// <returns>False where it is to be answered by itself, or refused.</returns>
    private bool TryHold(in TlpHeader header)
    {
        if (IsDirect || header.FirstByteEnables == 0 || _client is not { } client)
        {
            return false;
        }

        Span<byte> data = _link.Requester.PlaceData(_number, header, RootComplex, _config.MaxPayload, this, out int length);
        if (data.IsEmpty || client.Memory.Read(header.FirstByteAddress, data) != Errno.None)
        {
            return false;
        }

        _link.Requester.Hold(header, length);
        return true;
    }

    private void Store(in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Poisoned || _client is not { } client || header.FirstByteEnables == 0)
        {
            return;
        }

        ReadOnlySpan<byte> bytes = TlpPayload.Unpack(header, payload);
        if (header.IsContiguous)
        {
            client.Memory.Write(header.FirstByteAddress, bytes);
            return;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            if (header.IsByteEnabled(i))
            {
                client.Memory.Write(header.FirstByteAddress + (ulong)i, bytes.Slice(i, 1));
            }
        }
    }
}
