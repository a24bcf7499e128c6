using System.Runtime.InteropServices;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// One client's connection: takes messages apart, has each command carried out, and replies. Commands are in the
/// other parts of this class, one part for each group of the specification.
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

    private readonly UnixSocket _socket;
    private readonly IVfioUserDevice _device;
    private readonly DmaTable _memory;
    private readonly InterruptTable _interrupts;
    private readonly ILogger _logger;

    private readonly MessageReceiver _receiver;
    private readonly ReceiveProgress? _progress;

    private readonly Lock _shutdownLock = new();
    private bool _isShutDown;

    private readonly Lock _sendLock = new();
    private readonly byte[] _reply;
    private readonly List<int> _replyDescriptors = [];

    // What one message may read or write, in bytes; 0 until the client has agreed on a version.
    private volatile int _maxTransfer;
    private int _maxReplyDescriptors;
    private bool _trusted = true;

    public VfioUserConnection(
        UnixSocket socket,
        IVfioUserDevice device,
        DmaTable memory,
        InterruptTable interrupts,
        ILogger logger,
        VfioUserServerOptions options,
        Buffers buffers)
    {
        _socket = socket;
        _device = device;
        _memory = memory;
        _interrupts = interrupts;
        _logger = logger;
        _reply = buffers.Reply;
        _command = buffers.Command;
        _receiver = new MessageReceiver(
            socket, MaxMessageSize, options.TracksPosted ? TimeSpan.Zero : options.Poll, buffers.Receive);
        _progress = options.TracksPosted ? new ReceiveProgress(socket) : null;
        _socket.SetSendTimeout(options.SendTimeout);
    }

    /// <summary>Where a reply's payload goes.</summary>
    private Span<byte> ReplyPayload => _reply.AsSpan(MessageHeader.Length);

    /// <summary>What of the client's has been carried out; null where nobody wants to know.</summary>
    public ReceiveProgress? Progress => _progress;

    /// <summary>Answers the client until it hangs up or its stream cannot be trusted any more.</summary>
    public void Run()
    {
        _servingThread = Environment.CurrentManagedThreadId;
        _progress?.SetServing(true);
        while (_trusted && Receive())
        {
            while (_trusted && HandleNext())
            {
            }
        }

        _progress?.SetServing(false);
    }

    /// <summary>Once it is shut down, whether the client had ended the connection before that.</summary>
    public bool HasClientLeft { get; private set; }

    /// <summary>Ends the connection; <see cref="Run"/> returns. May be called by any thread.</summary>
    public void Shutdown()
    {
        lock (_shutdownLock)
        {
            if (!_isShutDown)
            {
                HasClientLeft = _socket.HasPeerLeft;
                _socket.Shutdown();
                _isShutDown = true;
            }
        }
    }

    /// <summary>
    /// Fails the requests that still wait for the client. Nobody uses the socket after that: its number may soon be
    /// that of the next client's.
    /// </summary>
    public void Dispose()
    {
        // Wakes whoever is sending.
        Shutdown();
        FailRequests();
        _progress?.End();
        lock (_sendLock)
        {
            _closed = true;
        }

        _receiver.Dispose();
    }

    private bool Receive()
    {
        int before = _receiver.Available.Length;
        _progress?.AwaitInput();
        bool received = _receiver.Receive(MessageHeader.Missing(_receiver.Available));
        _progress?.Received(_receiver.Available.Length - before);
        if (received)
        {
            return true;
        }

        if (_receiver.TooManyDescriptors)
        {
            Distrust("more file descriptors came with a message than a message can have");
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
            Reply(header, Errno.EINVAL, 0);
            Distrust($"a message of {header.Size} bytes was announced");
            return false;
        }

        int size = (int)header.Size;
        if (available.Length < size)
        {
            return false;
        }

        _receiver.Consume(size);
        ReadOnlySpan<byte> payload = available[MessageHeader.Length..size];
        if (header.IsReply && CompleteRequest(header, payload))
        {
            _receiver.CloseDescriptors();
        }
        else
        {
            Answer(header, payload);
        }

        _progress?.Handled(size);
        return true;
    }

    private void Answer(MessageHeader header, ReadOnlySpan<byte> payload)
    {
        _replyDescriptors.Clear();
        int length = 0;

        // Not HasFlag(), which allocates where code is not optimised.
        bool replies = (header.Flags & MessageFlags.NoReply) == 0 || !header.IsCommand;
        if (_progress is not null && replies)
        {
            _progress.IsAnswering = true;
        }

        Errno error = header.IsCommand ? Execute(header.Command, payload, out length) : Errno.EINVAL;
        _receiver.CloseDescriptors();
        if (error != Errno.None && _logger.IsEnabled(LogLevel.Debug))
        {
            _logger.LogDebug("{Command} ({Size} bytes): {Error}", header.Command, header.Size, error);
        }

        if (replies)
        {
            if (_progress is not null)
            {
                _progress.IsAnswering = false;
            }

            Reply(header, error, length);
        }
    }

    /// <summary>Carries out a command.</summary>
    /// <param name="command">What is asked.</param>
    /// <param name="payload">What follows the header.</param>
    /// <param name="length">Bytes of <see cref="ReplyPayload"/> that make up the reply.</param>
    private Errno Execute(VfioUserCommand command, ReadOnlySpan<byte> payload, out int length)
    {
        length = 0;
        if (_maxTransfer == 0)
        {
            Errno error = command == VfioUserCommand.Version ? Negotiate(payload, out length) : Errno.EINVAL;
            if (error != Errno.None)
            {
                Distrust("the connection did not start with a version that is spoken here");
            }

            return error;
        }

        // Only a reset has nothing to say.
        if (payload.IsEmpty && command != VfioUserCommand.DeviceReset)
        {
            return Errno.EINVAL;
        }

        return command switch
        {
            VfioUserCommand.RegionRead => ReadRegion(payload, out length),
            VfioUserCommand.RegionWrite => WriteRegion(payload, out length),
            VfioUserCommand.RegionWriteMulti => WriteRegions(payload, out length),
            VfioUserCommand.DmaMap => MapDma(payload),
            VfioUserCommand.DmaUnmap => UnmapDma(payload, out length),
            VfioUserCommand.DeviceGetInfo => GetDeviceInfo(payload, out length),
            VfioUserCommand.DeviceGetRegionInfo => GetRegionInfo(payload, out length),
            VfioUserCommand.DeviceGetRegionIoFds => GetRegionIoFds(payload, out length),
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

        _maxReplyDescriptors = client.MaxMessageDescriptors;
        _maxTransfer = (int)Math.Min(client.MaxDataTransferSize, VersionData.OurMaxDataTransferSize);
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

    private void Reply(MessageHeader command, Errno error, int length)
    {
        // An error reply is a header only.
        int size = MessageHeader.Length + (error == Errno.None ? length : 0);
        MessageFlags flags = MessageFlags.Reply | (error == Errno.None ? 0 : MessageFlags.Error);
        new MessageHeader(command.Id, command.Command, (uint)size, flags, error).Write(_reply);
        Errno sent;
        lock (_sendLock)
        {
            sent = _socket.Send(
                _reply.AsSpan(0, size),
                error == Errno.None ? CollectionsMarshal.AsSpan(_replyDescriptors) : []);
        }

        if (sent != Errno.None)
        {
            Distrust($"a reply could not be sent ({sent})");
        }
    }

    /// <summary>Room for the largest messages, for one connection after the other: nobody uses that of one that is disposed.</summary>
    internal sealed class Buffers
    {
        /// <summary>What is received.</summary>
        public byte[] Receive { get; } = MessageReceiver.AllocateBuffer(MaxMessageSize);

        /// <summary>A reply.</summary>
        public byte[] Reply { get; } = GC.AllocateUninitializedArray<byte>(MaxMessageSize, pinned: true);

        /// <summary>A command of ours.</summary>
        public byte[] Command { get; } = GC.AllocateUninitializedArray<byte>(MaxMessageSize, pinned: true);
    }

    /// <summary>Ends the connection after the message at hand.</summary>
    private void Distrust(string reason)
    {
        _trusted = false;
        _logger.LogWarning("closing the client's connection: {Reason}", reason);
    }
}
