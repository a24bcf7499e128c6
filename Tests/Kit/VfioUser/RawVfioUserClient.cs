using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.VfioUser;

/// <summary>
/// A client that can send any bytes. Its layout of messages comes from the specification, not from the server's types.
/// Each receive has a time limit.
/// </summary>
internal sealed class RawVfioUserClient : IDisposable
{
    private readonly RawSocket _socket;
    private ushort _lastId;

    private RawVfioUserClient(UnixSocket socket) => _socket = new RawSocket(socket);

    /// <summary>Connects, and sends nothing yet.</summary>
    public static RawVfioUserClient Connect(string path) => new(UnixSocket.Connect(path));

    public RawMessage Negotiate(string json = RawPayload.Capabilities) =>
        Call(RawCommand.Version, RawPayload.Version(0, 0, json));

    /// <summary>Sends bytes as they are, with descriptors at their first byte.</summary>
    public Errno Send(ReadOnlySpan<byte> bytes, params ReadOnlySpan<FileDescriptor> descriptors) =>
        _socket.Send(bytes, descriptors);

    /// <summary>Sends a command that wants no reply.</summary>
    public void Post(ushort command, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors) =>
        Assert.That(
            Send(RawMessage.Build(++_lastId, command, payload, RawMessage.NoReplyFlag), descriptors),
            Is.EqualTo(Errno.None));

    /// <summary>Sends a command and takes its reply, of which id, command, type and error are checked.</summary>
    public RawMessage Call(ushort command, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        ushort id = ++_lastId;
        Assert.That(Send(RawMessage.Build(id, command, payload), descriptors), Is.EqualTo(Errno.None));
        RawMessage reply = Receive();
        uint flags = RawMessage.ReplyFlag | (reply.Error == Errno.None ? 0 : RawMessage.ErrorFlag);
        Assert.That((reply.Id, reply.Command, reply.Flags), Is.EqualTo((id, command, flags)));
        if (reply.Error != Errno.None)
        {
            Assert.That(reply.Payload, Is.Empty, "an error reply is a header only");
        }

        return reply;
    }

    /// <summary>As <see cref="Call"/>, where only success or error matters.</summary>
    public Errno Try(ushort command, ReadOnlySpan<byte> payload, params ReadOnlySpan<FileDescriptor> descriptors) =>
        Call(command, payload, descriptors).Error;

    public byte[] ReadRegion(uint region, ulong offset, uint count)
    {
        RawMessage reply = Call(RawCommand.RegionRead, RawPayload.RegionAccess(region, offset, count));
        Assert.That(reply.Error, Is.EqualTo(Errno.None));
        Assert.That(reply.Payload[..16], Is.EqualTo(RawPayload.RegionAccess(region, offset, count)));
        return reply.Payload[16..];
    }

    /// <summary>Answers a DMA_READ or DMA_WRITE of the server.</summary>
    public void Answer(RawMessage command, ReadOnlySpan<byte> payload, Errno error = Errno.None) =>
        Assert.That(Send(command.Answer(payload, error)), Is.EqualTo(Errno.None));

    /// <summary>The next message of the server, reply or command.</summary>
    public RawMessage Receive()
    {
        RawMessage? message = RawMessage.TryReceive(_socket);
        Assert.That(message, Is.Not.Null, "the server hung up or stayed silent");
        return message!;
    }

    /// <summary>Waits until the server hangs up, and checks that it sends nothing more.</summary>
    public void ExpectHangUp()
    {
        Errno error = _socket.Receive(new byte[1], out int received);
        Assert.That(received, Is.Zero, "the server sent something instead of hanging up");
        // It resets the connection where it left bytes of ours unread.
        Assert.That(error, Is.EqualTo(Errno.None).Or.EqualTo(Errno.ECONNRESET));
    }

    /// <summary>Takes all that the server still sends until it hangs up.</summary>
    public void DrainUntilHangUp() => _socket.ExpectHangUp();

    public void Dispose() => _socket.Dispose();
}
