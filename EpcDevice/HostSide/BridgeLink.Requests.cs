using EpfTest.Protocol.ConfigurationSpace;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Messages;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Tlp;

namespace EpfTest.EpcDevice.HostSide;

/// <content>What arrives from the bridge: the host's TLPs, and the bridge's orders.</content>
internal sealed partial class BridgeLink
{
    private const int FirstBarRegister = 0x10;
    private const int LastBarRegister = 0x24;

    /// <inheritdoc/>
    void ILinkHandler.HandleTlp(ushort function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (_connection is not { } connection || header.IsMessage)
        {
            // Of the messages of a root complex none asks anything of an endpoint without power of its own.
            return;
        }

        if (function >= _endpoint.FunctionCount)
        {
            Refuse(connection, function, header);
        }
        else if (header.IsConfiguration)
        {
            Configure(connection, function, header, payload);
        }
        else if (!header.IsMemory && !header.IsIo || header.IsAtomicOp)
        {
            Refuse(connection, function, header);
        }
        else if (header.HasPayload)
        {
            Store(connection, function, header, payload);
        }
        else
        {
            Load(connection, function, header);
        }
    }

    /// <inheritdoc/>
    bool ILinkHandler.HandleControl(
        FrameKind kind, ushort function, ReadOnlySpan<byte> payload, FileDescriptor? descriptor)
    {
        using FileDescriptor? owned = descriptor;
        if (kind is not (FrameKind.MemoryAdd or FrameKind.MemoryInvalidate or FrameKind.MemoryInvalidateAll
            or FrameKind.FunctionReset))
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
                return memory.Map(range, descriptor);
            case FrameKind.MemoryInvalidate when MemoryMessage.TryRead(payload, out MemoryMessage range):
                memory.Unmap(range);
                break;
            case FrameKind.MemoryInvalidateAll when OrderMessage.TryRead(payload, out _):
                memory.UnmapAll();
                break;
            case FrameKind.FunctionReset when OrderMessage.TryRead(payload, out int reset)
                && Enum.IsDefined((ResetKind)reset):
                _endpoint.ResetFunction(function, (ResetKind)reset);
                SendBarAddresses(connection, function);
                break;
            default:
                return false;
        }

        connection.Acknowledge(payload);
        return true;
    }

    private static void Refuse(LinkConnection connection, ushort function, in TlpHeader header)
    {
        if (header.IsNonPosted)
        {
            connection.Requester.SendCompletion(
                function, header, BdfOf(function), CompletionStatus.UnsupportedRequest);
        }
    }

    private void Configure(
        LinkConnection connection, ushort function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Kind is not (TlpKind.CfgRd0 or TlpKind.CfgWr0) || _endpoint.Describe(function) is null)
        {
            Refuse(connection, function, header);
        }
        else if (header.Kind == TlpKind.CfgRd0)
        {
            BitConverter.TryWriteBytes(_data, _endpoint.ReadConfig(function, (int)header.Address));
            SendData(connection, function, header, header.ReadLength);
        }
        else
        {
            int register = (int)header.Address;
            _endpoint.WriteConfig(function, register, BitConverter.ToUInt32(payload), (byte)header.FirstByteEnables);
            if (register is >= FirstBarRegister and <= LastBarRegister)
            {
                // Before the completion, so that the bridge knows before the host's next access.
                SendBarAddresses(connection, function);
            }

            connection.Requester.SendCompletion(
                function, header, BdfOf(function), CompletionStatus.SuccessfulCompletion);
        }
    }

    private void Load(LinkConnection connection, ushort function, in TlpHeader header)
    {
        int length = header.ReadLength;
        Span<byte> data = _data.AsSpan(0, length);
        if (header.IsIo)
        {
            // The completion has the whole DW, of which only these bytes are asked for.
            data.Clear();
            data = data.Slice(header.FirstByteOffset, header.ByteLength);
        }

        bool isFlush = header.FirstByteEnables == 0;
        Errno error = isFlush
            ? Errno.None
            : _endpoint.TryDecode(function, header.FirstByteAddress, header.IsIo, out int bar, out ulong offset)
                ? _endpoint.ReadBar(function, bar, offset, data)
                : Errno.EFAULT;
        if (error == Errno.None)
        {
            SendData(connection, function, header, length);
        }
        else
        {
            connection.Requester.SendCompletion(
                function,
                header,
                BdfOf(function),
                error == Errno.EFAULT ? CompletionStatus.UnsupportedRequest : CompletionStatus.CompleterAbort);
        }
    }

    private void Store(LinkConnection connection, ushort function, in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        bool known = _endpoint.TryDecode(
            function, header.FirstByteAddress, header.IsIo, out int bar, out ulong offset);
        if (known && !header.Poisoned)
        {
            ReadOnlySpan<byte> bytes = TlpPayload.Unpack(header, payload);
            if (header.IsContiguous)
            {
                _endpoint.WriteBar(function, bar, offset, bytes);
            }
            else
            {
                for (int i = 0; i < bytes.Length; i++)
                {
                    if (header.IsByteEnabled(i))
                    {
                        _endpoint.WriteBar(function, bar, offset + (ulong)i, bytes.Slice(i, 1));
                    }
                }
            }
        }

        if (header.IsNonPosted)
        {
            connection.Requester.SendCompletion(
                function,
                header,
                BdfOf(function),
                known ? CompletionStatus.SuccessfulCompletion : CompletionStatus.UnsupportedRequest);
        }
    }

    private void SendData(LinkConnection connection, ushort function, in TlpHeader header, int length) =>
        connection.Requester.SendData(
            function,
            header,
            BdfOf(function),
            _data.AsSpan(0, length),
            ReadCompletionBoundary,
            _endpoint.TransferLimits(function).MaxPayload);

    private void SendBarAddresses(LinkConnection connection, ushort function)
    {
        if (_endpoint.Describe(function) is not { } description)
        {
            return;
        }

        Span<byte> message = stackalloc byte[BarAddressMessage.Length];
        for (int bar = 0; bar < description.BarAddresses.Count; bar++)
        {
            new BarAddressMessage(bar, description.BarAddresses[bar]).Write(message);
            connection.SendControl(FrameKind.BarAddress, function, message);
        }
    }
}
