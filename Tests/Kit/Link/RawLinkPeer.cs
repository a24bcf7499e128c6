using System.Buffers.Binary;
using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.Link;

/// <summary>An end of the link that sends whatever bytes it is told to. Each receive has a time limit.</summary>
internal sealed class RawLinkPeer : IDisposable
{
    private readonly IFrameTransport _transport;
    private readonly SendAction _send;
    private readonly List<FileDescriptor> _owned = [];

    public RawLinkPeer(UnixSocket socket)
        : this(new UnixTransport(socket), socket.Send) => socket.SetSendTimeout(Wait.Limit);

    public RawLinkPeer(MemoryTransport transport)
        : this(transport, (bytes, descriptors) => transport.Send(bytes, descriptors, Wait.Limit))
    {
    }

    private RawLinkPeer(IFrameTransport transport, SendAction send) => (_transport, _send) = (transport, send);

    private delegate Errno SendAction(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors);

    public static RawLinkPeer Connect(string path) => new(UnixSocket.Connect(path));

    public Errno Send(ReadOnlySpan<byte> bytes, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        int[] numbers = new int[descriptors.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = descriptors[i].Number;
        }

        return _send(bytes, numbers);
    }

    /// <summary>The next frame.</summary>
    public RawFrame Receive()
    {
        RawFrame? frame = TryReceive();
        Assert.That(frame, Is.Not.Null, "the other side hung up or stayed silent");
        return frame!;
    }

    /// <summary>The next frame of a kind; those before it are dropped.</summary>
    public RawFrame Receive(ushort kind)
    {
        RawFrame frame = Receive();
        while (frame.Kind != kind)
        {
            frame = Receive();
        }

        return frame;
    }

    /// <summary>The next frame, or null where the other side hung up.</summary>
    public RawFrame? TryReceive()
    {
        var descriptors = new List<FileDescriptor>();
        byte[] header = new byte[RawFrame.HeaderSize];
        if (!TryReceive(header, descriptors))
        {
            return null;
        }

        byte[] payload = new byte[BinaryPrimitives.ReadInt32LittleEndian(header)];
        return TryReceive(payload, descriptors)
            ? new RawFrame(
                BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(4)),
                BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(6)),
                payload,
                descriptors)
            : null;
    }

    /// <summary>Checks that the other side hangs up, whatever it still says.</summary>
    public void ExpectHangUp()
    {
        byte[] buffer = new byte[64 << 10];
        Errno error;
        int received;
        do
        {
            error = Receive(buffer, new int[UnixSocket.MaxDescriptors], out _, out received);
        }
        while (error == Errno.None && received > 0);
        Assert.That(error, Is.EqualTo(Errno.None).Or.EqualTo(Errno.ECONNRESET), "the other side did not hang up");
    }

    public void Dispose()
    {
        _owned.ForEach(descriptor => descriptor.Dispose());
        _transport.Dispose();
    }

    private Errno Receive(Span<byte> bytes, Span<int> descriptors, out int descriptorCount, out int received)
    {
        _transport.WaitReadable((int)Wait.Limit.TotalMilliseconds);
        return _transport.Receive(bytes, descriptors, wait: false, out descriptorCount, out received);
    }

    private bool TryReceive(Span<byte> bytes, List<FileDescriptor> descriptors)
    {
        Span<int> numbers = stackalloc int[UnixSocket.MaxDescriptors];
        while (!bytes.IsEmpty)
        {
            Errno error = Receive(bytes, numbers, out int count, out int received);
            foreach (int number in numbers[..count])
            {
                var descriptor = new FileDescriptor(number);
                descriptors.Add(descriptor);
                _owned.Add(descriptor);
            }

            if (error != Errno.None || received == 0)
            {
                return false;
            }

            bytes = bytes[received..];
        }

        return true;
    }
}
