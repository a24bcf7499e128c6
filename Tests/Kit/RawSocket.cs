using EpfTest.Protocol.Linux;

namespace EpfTest.Kit;

/// <summary>A connection that sends and receives bytes as they are. It closes what descriptors it has
/// received.</summary>
internal sealed class RawSocket : IDisposable
{
    private readonly UnixSocket _socket;
    private readonly List<FileDescriptor> _received = [];

    /// <param name="hasLimit">Whether sends and receives have a time limit.</param>
    public RawSocket(UnixSocket socket, bool hasLimit = true)
    {
        _socket = socket;
        if (hasLimit)
        {
            _socket.SetReceiveTimeout(Wait.Limit);
            _socket.SetSendTimeout(Wait.Limit);
        }
    }

    /// <summary>Sends bytes with descriptors at their first byte.</summary>
    public Errno Send(ReadOnlySpan<byte> bytes, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        Span<int> numbers = stackalloc int[descriptors.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = descriptors[i].Number;
        }

        return _socket.Send(bytes, numbers);
    }

    public Errno Receive(Span<byte> bytes, out int received) =>
        _socket.Receive(bytes, new int[UnixSocket.MaxDescriptors], out _, out received);

    /// <summary>Receives all of <paramref name="bytes"/>.</summary>
    /// <returns>False where the peer hung up or stayed silent.</returns>
    public bool TryReceive(Span<byte> bytes, List<FileDescriptor> descriptors)
    {
        Span<int> numbers = stackalloc int[UnixSocket.MaxDescriptors];
        while (!bytes.IsEmpty)
        {
            Errno error = _socket.Receive(bytes, numbers, out int count, out int received);
            foreach (int number in numbers[..count])
            {
                var descriptor = new FileDescriptor(number);
                descriptors.Add(descriptor);
                _received.Add(descriptor);
            }

            if (error != Errno.None || received == 0)
            {
                return false;
            }

            bytes = bytes[received..];
        }

        return true;
    }

    /// <summary>Receives until the peer hangs up.</summary>
    public void ExpectHangUp()
    {
        byte[] buffer = new byte[64 << 10];
        Errno error;
        int received;
        do
        {
            error = Receive(buffer, out received);
        }
        while (error == Errno.None && received > 0);

        // The kernel resets a connection whose peer has left bytes unread.
        Assert.That(error, Is.EqualTo(Errno.None).Or.EqualTo(Errno.ECONNRESET), "the peer did not hang up");
    }

    public void Shutdown() => _socket.Shutdown();

    public void Dispose()
    {
        _received.ForEach(descriptor => descriptor.Dispose());
        _socket.Dispose();
    }
}
