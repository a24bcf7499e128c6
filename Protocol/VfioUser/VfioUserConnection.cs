using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// One client's connection: receives commands, has them carried out, and replies. The other parts of this class have
/// the commands, one part for each group of the specification.
/// </summary>
/// <remarks>
/// A command costs one receive and one send. What a receive brings beyond the first message is answered before the
/// next receive. Nothing is allocated by a length that a message claims: the buffers are as large as the largest
/// message, and a message that claims more ends the connection.
/// </remarks>
internal sealed partial class VfioUserConnection : IDisposable
{
    // The largest header of a command or reply that carries data: offset, region and count.
    private const int MaxPayloadHeader = 16;
    private const int MaxMessageSize = MessageHeader.Length + MaxPayloadHeader + VersionData.OurMaxDataTransferSize;

    private const int NoDescriptor = -1;

    private readonly ClientSocket _socket;
    private readonly MessageReceiver _receiver;
    private readonly byte[] _reply;
    private readonly IVfioUserDevice _device;
    private readonly DmaTable _memory;
    private readonly InterruptTable _interrupts;
    private readonly ILogger _logger;

    // The client's, once it has agreed on a version.
    private VersionData? _version;
    private bool _hasFailed;
    private bool _warnedOfSystemCalls;

    public VfioUserConnection(
        UnixSocket socket,
        IVfioUserDevice device,
        DmaTable memory,
        InterruptTable interrupts,
        ILogger logger,
        VfioUserServerOptions options,
        Buffers buffers)
    {
        _socket = new ClientSocket(socket);
        _device = device;
        _memory = memory;
        _interrupts = interrupts;
        _logger = logger;
        _reply = buffers.Reply;
        _receiver = new MessageReceiver(
            socket, MaxMessageSize, options.TracksPosted ? TimeSpan.Zero : options.Poll, buffers.Receive);
        Requests = new DmaRequester(_socket, buffers.Command);
        Progress = options.TracksPosted ? new ReceiveProgress(socket) : null;
        socket.SetSendTimeout(options.SendTimeout);
    }

    /// <summary>Reaches private memory of the client.</summary>
    public DmaRequester Requests { get; }

    /// <summary>How far the client's messages have been carried out; null if that is not tracked.</summary>
    public ReceiveProgress? Progress { get; }

    /// <summary>After <see cref="Shutdown"/>, whether the client had ended the connection before.</summary>
    public bool HasClientLeft => _socket.HasClientLeft;

    private Span<byte> ReplyPayload => _reply.AsSpan(MessageHeader.Length);

    /// <summary>Answers the client until it hangs up or sends a malformed message.</summary>
    public void Run()
    {
        Progress?.SetServing(true);
        while (!_hasFailed && Receive())
        {
            while (!_hasFailed && HandleNext())
            {
            }
        }

        Progress?.SetServing(false);
    }

    /// <summary>Ends the connection; <see cref="Run"/> returns. May be called by any thread.</summary>
    public void Shutdown() => _socket.Shutdown();

    /// <summary>Fails the requests that still wait for the client. On return no thread uses the socket.</summary>
    public void Dispose()
    {
        // First, since it wakes a thread that waits in a send.
        Shutdown();
        Requests.Close();
        Progress?.End();
        _socket.Close();
        _receiver.Dispose();
    }

    private bool Receive()
    {
        int before = _receiver.Available.Length;
        Progress?.AwaitInput();
        bool received = _receiver.Receive(MessageHeader.Missing(_receiver.Available));
        Progress?.Received(_receiver.Available.Length - before);
        if (received)
        {
            return true;
        }

        if (_receiver.TooManyDescriptors)
        {
            Fail("invalid message: it came with more file descriptors than one can have");
        }
        else if (_receiver.Error != Errno.None)
        {
            _logger.LogInformation("receiving from the client failed: {Error}", _receiver.Error);
        }

        return false;
    }

    /// <summary>Answers the next message if all of it has come.</summary>
    private bool HandleNext()
    {
        ReadOnlySpan<byte> available = _receiver.Available;
        if (available.Length < MessageHeader.Length)
        {
            return false;
        }

        MessageHeader header = MessageHeader.Read(available);
        if (header.Size is < MessageHeader.Length or > MaxMessageSize)
        {
            Reply(header, Errno.EINVAL, 0, NoDescriptor);
            Fail($"malformed message: invalid size of {header.Size} bytes");
            return false;
        }

        int size = (int)header.Size;
        if (available.Length < size)
        {
            return false;
        }

        _receiver.Consume(size);
        ReadOnlySpan<byte> payload = available[MessageHeader.Length..size];
        if (header.IsReply && Requests.Complete(header, payload))
        {
            _receiver.CloseDescriptors();
        }
        else
        {
            Answer(header, payload);
        }

        Progress?.Handled(size);
        return true;
    }

    private void Answer(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        int length = 0;
        int descriptor = NoDescriptor;

        // Not HasFlag(), which allocates in unoptimised code.
        bool replies = (header.Flags & MessageFlags.NoReply) == 0 || !header.IsCommand;
        if (Progress is not null && replies)
        {
            Progress.IsAnswering = true;
        }

        Errno error = header.IsCommand ? Execute(header.Command, payload, out length, out descriptor) : Errno.EINVAL;
        _receiver.CloseDescriptors();
        if (error != Errno.None && _logger.IsEnabled(LogLevel.Debug))
        {
            _logger.LogDebug("{Command} ({Size} bytes): {Error}", header.Command, header.Size, error);
        }

        if (replies)
        {
            if (Progress is not null)
            {
                Progress.IsAnswering = false;
            }

            Reply(header, error, length, descriptor);
        }
    }

    /// <summary>Carries out a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="payload">What follows its header.</param>
    /// <param name="length">Bytes of <see cref="ReplyPayload"/> that make up the reply.</param>
    /// <param name="descriptor">Goes with the reply, unless it is <see cref="NoDescriptor"/>; stays the
    /// device's.</param>
    private Errno Execute(VfioUserCommand command, ReadOnlySpan<byte> payload, out int length, out int descriptor)
    {
        length = 0;
        descriptor = NoDescriptor;
        if (_version is null)
        {
            Errno error = command == VfioUserCommand.Version ? Negotiate(payload, out length) : Errno.EINVAL;
            if (error != Errno.None)
            {
                Fail("invalid first message: it is no VERSION of a protocol that is spoken here");
            }

            return error;
        }

        // A reset has no payload, all others have one.
        if (payload.IsEmpty && command != VfioUserCommand.DeviceReset)
        {
            return Errno.EINVAL;
        }

        return command switch
        {
            VfioUserCommand.RegionRead => ReadRegion(payload, out length),
            VfioUserCommand.RegionWrite => WriteRegion(payload, out length),
            VfioUserCommand.DmaMap => MapDma(payload),
            VfioUserCommand.DmaUnmap => UnmapDma(payload, out length),
            VfioUserCommand.DeviceGetInfo => GetDeviceInfo(payload, out length),
            VfioUserCommand.DeviceGetRegionInfo => GetRegionInfo(payload, out length, out descriptor),
            VfioUserCommand.DeviceGetIrqInfo => GetIrqInfo(payload, out length),
            VfioUserCommand.DeviceSetIrqs => SetIrqs(payload),
            VfioUserCommand.DeviceReset => ResetDevice(),
            _ => Errno.EINVAL,
        };
    }

    private Errno Negotiate(ReadOnlySpan<byte> payload, out int length)
    {
        length = 0;
        if (!_receiver.Descriptors.IsEmpty
            || payload.Length < 2 * sizeof(ushort)
            || BitConverter.ToUInt16(payload) != VersionData.Major
            || !VersionData.TryParse(payload[(2 * sizeof(ushort))..], out VersionData client))
        {
            return Errno.EINVAL;
        }

        _version = client;
        Requests.Open((int)Math.Min(client.MaxDataTransferSize, VersionData.OurMaxDataTransferSize));
        Span<byte> reply = ReplyPayload;
        BitConverter.TryWriteBytes(reply, VersionData.Major);
        BitConverter.TryWriteBytes(reply[sizeof(ushort)..], VersionData.Minor);
        byte[] capabilities = client.Answer(DmaTable.MaxRanges);
        capabilities.CopyTo(reply[(2 * sizeof(ushort))..]);
        length = (2 * sizeof(ushort)) + capabilities.Length;
        return Errno.None;
    }

    private Errno ResetDevice()
    {
        _device.Reset();
        _interrupts.Reset();
        return Errno.None;
    }

    private void Reply(MessageHeader command, Errno error, int length, int descriptor)
    {
        // An error reply is a header only.
        int size = MessageHeader.Length + (error == Errno.None ? length : 0);
        MessageFlags flags = MessageFlags.Reply | (error == Errno.None ? 0 : MessageFlags.Error);
        new MessageHeader(command.Id, command.Command, (uint)size, flags, error).Write(_reply);
        ReadOnlySpan<int> descriptors = error == Errno.None && descriptor != NoDescriptor ? new(in descriptor) : [];
        if (_socket.Send(_reply.AsSpan(0, size), descriptors) is not Errno.None and var failure)
        {
            Fail($"a reply could not be sent ({failure})");
        }
    }

    /// <summary>Ends the connection after the message at hand.</summary>
    private void Fail(string reason)
    {
        _hasFailed = true;
        _logger.LogWarning("closing the client's connection: {Reason}", reason);
    }

    /// <summary>Room for the largest messages. One connection after the other uses it.</summary>
    internal sealed class Buffers
    {
        public byte[] Receive { get; } = MessageReceiver.AllocateBuffer(MaxMessageSize);

        public byte[] Reply { get; } = GC.AllocateUninitializedArray<byte>(MaxMessageSize, pinned: true);

        public byte[] Command { get; } = GC.AllocateUninitializedArray<byte>(MaxMessageSize, pinned: true);
    }
}
