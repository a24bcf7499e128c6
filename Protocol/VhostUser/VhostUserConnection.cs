using System.Buffers.Binary;
using EpfTest.Protocol.Linux;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VhostUser;

/// <summary>Answers one front-end. All of it belongs to the thread that calls <see cref="Run"/>.</summary>
/// <remarks>
/// QEMU's main loop waits for most of these replies, so nothing here waits for QEMU. Rings and guest memory are not
/// used: their descriptors are closed.
/// </remarks>
internal sealed class VhostUserConnection : IDisposable
{
    /// <summary>Bytes of the largest message: GET_SHMEM_CONFIG's reply.</summary>
    public const int MaxMessageSize = VhostUserHeader.Length + ShmemConfigLength;

    // struct VhostUserShMemConfig: count, padding, 256 sizes.
    private const int ShmemConfigLength = 8 + (256 * sizeof(ulong));

    // struct VhostUserConfig: offset, size, flags, then what is read or written; at most 256 bytes.
    private const int ConfigHeaderLength = 12;
    private const uint MaxConfigSize = 256;

    // The most that QEMU can use: it takes the smaller of this number and its own.
    private const ulong MaxMemorySlots = 512;

    private static readonly TimeSpan s_sendTimeout = TimeSpan.FromSeconds(5);

    // QEMU's main loop may have to wait for the vfio-user server, which has timeouts of its own.
    private static readonly TimeSpan s_answerLimit = TimeSpan.FromSeconds(10);

    private readonly UnixSocket _socket;
    private readonly IWindowDevice _device;
    private readonly ILogger _logger;
    private readonly MessageReceiver _receiver;
    private readonly byte[] _reply = new byte[MaxMessageSize];
    private VhostUserBackendChannel? _channel;
    private ulong _protocolFeatures;
    private bool _started;
    private bool _hasFailed;

    public VhostUserConnection(UnixSocket socket, IWindowDevice device, ILogger logger, TimeSpan? sendTimeout = null)
    {
        _socket = socket;
        _device = device;
        _logger = logger;
        _receiver = new MessageReceiver(socket, MaxMessageSize);
        _socket.SetSendTimeout(sendTimeout ?? s_sendTimeout);
    }

    private Span<byte> ReplyPayload => _reply.AsSpan(VhostUserHeader.Length);

    /// <summary>Answers until the front-end hangs up or sends a malformed message.</summary>
    public void Run()
    {
        while (!_hasFailed && Receive())
        {
            while (!_hasFailed && HandleNext())
            {
            }
        }
    }

    /// <summary>Ends the connection; <see cref="Run"/> returns. May be called by any thread.</summary>
    public void Shutdown() => _socket.Shutdown();

    public void Dispose()
    {
        Stop();
        _channel?.Dispose();
        _receiver.Dispose();
    }

    private bool Receive()
    {
        if (_receiver.Receive(VhostUserHeader.Missing(_receiver.Available)))
        {
            return true;
        }

        if (_receiver.TooManyDescriptors)
        {
            Fail("invalid message: it came with more file descriptors than one can have");
        }

        return false;
    }

    private bool HandleNext()
    {
        ReadOnlySpan<byte> available = _receiver.Available;
        if (available.Length < VhostUserHeader.Length)
        {
            return false;
        }

        VhostUserHeader header = VhostUserHeader.Read(available);
        if (header.Size > MaxMessageSize - VhostUserHeader.Length
            || (header.Flags & (VhostUserFlags.VersionMask | VhostUserFlags.Reply)) != VhostUserFlags.Version)
        {
            Fail($"malformed request {header.Request}: {header.Size} bytes, flags 0x{(uint)header.Flags:x}");
            return false;
        }

        int size = VhostUserHeader.Length + (int)header.Size;
        if (available.Length < size)
        {
            return false;
        }

        _receiver.Consume(size);
        bool isValid = Execute(header, available[VhostUserHeader.Length..size], out int replyLength);
        _receiver.CloseDescriptors();
        if (!isValid)
        {
            Fail($"invalid or malformed request {header.Request} ({header.Size} bytes)");
        }
        else if (replyLength > 0)
        {
            Reply(header, replyLength);
        }
        else if (header.NeedsReply && (_protocolFeatures & VhostUserFeatures.ProtocolReplyAck) != 0)
        {
            // Success: no accepted request can fail.
            Reply(header, PutU64(0));
        }

        return true;
    }

    /// <summary>Carries out a request.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="payload">What follows the header.</param>
    /// <param name="replyLength">Bytes of <see cref="ReplyPayload"/>, for a request that always has a reply.</param>
    /// <returns>False if it is unknown or malformed.</returns>
    private bool Execute(VhostUserHeader header, ReadOnlySpan<byte> payload, out int replyLength)
    {
        replyLength = 0;
        switch ((VhostUserRequest)header.Request)
        {
            case VhostUserRequest.GetFeatures:
                replyLength = PutU64(VhostUserFeatures.ProtocolFeatures | VhostUserFeatures.Version1);
                return true;
            case VhostUserRequest.GetProtocolFeatures:
                replyLength = PutU64(VhostUserFeatures.ProtocolOffered);
                return true;
            case VhostUserRequest.GetQueueNum:
                replyLength = PutU64(1);
                return true;
            case VhostUserRequest.GetMaxMemSlots:
                replyLength = PutU64(MaxMemorySlots);
                return true;
            case VhostUserRequest.GetShmemConfig:
                replyLength = PutShmemConfig();
                return true;
            case VhostUserRequest.GetConfig:
                return ReadConfig(payload, out replyLength);
            case VhostUserRequest.SetProtocolFeatures:
                return SetProtocolFeatures(payload);
            case VhostUserRequest.SetBackendReqFd:
                return SetBackendChannel();
            case VhostUserRequest.SetVringEnable:
                return EnableRing(payload);
            case VhostUserRequest.GetVringBase:
                if (payload.Length != sizeof(ulong))
                {
                    return false;
                }

                Stop();
                payload.CopyTo(ReplyPayload);
                replyLength = payload.Length;
                return true;
            case VhostUserRequest.ResetOwner:
            case VhostUserRequest.ResetDevice:
                Stop();
                return true;
            case VhostUserRequest.SetFeatures:
            case VhostUserRequest.SetOwner:
            case VhostUserRequest.SetMemTable:
            case VhostUserRequest.SetVringNum:
            case VhostUserRequest.SetVringAddr:
            case VhostUserRequest.SetVringBase:
            case VhostUserRequest.SetVringKick:
            case VhostUserRequest.SetVringCall:
            case VhostUserRequest.SetVringErr:
            case VhostUserRequest.SetConfig:
            case VhostUserRequest.AddMemReg:
            case VhostUserRequest.RemMemReg:
                return true;
            default:
                return false;
        }
    }

    private bool SetProtocolFeatures(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != sizeof(ulong))
        {
            return false;
        }

        _protocolFeatures = BinaryPrimitives.ReadUInt64LittleEndian(payload);
        if ((_protocolFeatures & VhostUserFeatures.ProtocolNeeded) != VhostUserFeatures.ProtocolNeeded)
        {
            _logger.LogWarning(
                "this QEMU cannot map memory for a vhost-user device (11.0 and later can), so the window is not used");
        }

        return true;
    }

    private bool SetBackendChannel()
    {
        if (_receiver.Descriptors.Length != 1)
        {
            return false;
        }

        Stop();
        _channel?.Dispose();
        int descriptor = _receiver.Descriptors[0];
        _receiver.Descriptors[0] = -1;
        var socket = new UnixSocket(descriptor);
        try
        {
            _channel = new VhostUserBackendChannel(socket, s_answerLimit, _logger);
            return true;
        }
        catch (LinuxException)
        {
            // The descriptor is no socket.
            socket.Dispose();
            _channel = null;
            return false;
        }
    }

    private bool EnableRing(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 2 * sizeof(uint))
        {
            return false;
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(payload[sizeof(uint)..]) == 0)
        {
            Stop();
        }
        else if (!_started
            && _channel is not null
            && (_protocolFeatures & VhostUserFeatures.ProtocolNeeded) == VhostUserFeatures.ProtocolNeeded)
        {
            // QEMU sends this once the guest's driver has said DRIVER_OK.
            _started = true;
            _channel.IsOpen = true;
            _device.Started(_channel);
        }

        return true;
    }

    private void Stop()
    {
        if (_started)
        {
            _started = false;
            _channel!.IsOpen = false;
            _device.Stopped();
        }
    }

    private bool ReadConfig(ReadOnlySpan<byte> payload, out int replyLength)
    {
        replyLength = 0;
        if (payload.Length < ConfigHeaderLength)
        {
            return false;
        }

        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(payload);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]);
        if (offset > MaxConfigSize || size > MaxConfigSize - offset)
        {
            return false;
        }

        Span<byte> reply = ReplyPayload[..(ConfigHeaderLength + (int)size)];
        payload[..ConfigHeaderLength].CopyTo(reply);
        Span<byte> bytes = reply[ConfigHeaderLength..];
        bytes.Clear();
        ReadOnlySpan<byte> config = _device.Config;
        if (offset < config.Length)
        {
            ReadOnlySpan<byte> wanted = config[(int)offset..];
            wanted[..Math.Min(wanted.Length, bytes.Length)].CopyTo(bytes);
        }

        replyLength = reply.Length;
        return true;
    }

    private int PutU64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(ReplyPayload, value);
        return sizeof(ulong);
    }

    private int PutShmemConfig()
    {
        Span<byte> reply = ReplyPayload[..ShmemConfigLength];
        reply.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(reply, 1);
        BinaryPrimitives.WriteUInt64LittleEndian(reply[8..], _device.Size);
        return ShmemConfigLength;
    }

    private void Reply(VhostUserHeader request, int length)
    {
        new VhostUserHeader(request.Request, VhostUserFlags.Version | VhostUserFlags.Reply, (uint)length).Write(_reply);
        if (_socket.Send(_reply.AsSpan(0, VhostUserHeader.Length + length)) is not Errno.None and var error)
        {
            Fail($"a reply could not be sent ({error})");
        }
    }

    private void Fail(string reason)
    {
        _hasFailed = true;
        _logger.LogWarning("closing the window's connection: {Reason}", reason);
    }
}
