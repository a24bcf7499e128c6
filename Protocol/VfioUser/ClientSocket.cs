using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>The socket of one client, on which several threads send whole messages. It is ended once, by any
/// thread.</summary>
/// <remarks>Sending and shutting down have locks of their own: the latter wakes a thread that waits in the
/// former.</remarks>
internal sealed class ClientSocket(UnixSocket socket)
{
    private readonly Lock _shutdownLock = new();
    private bool _isShutDown;
    private bool _isClosed;

    /// <summary>To be held by threads that share a buffer while one lays out a message in it and sends it.</summary>
    public Lock SendLock { get; } = new();

    /// <summary>After <see cref="Shutdown"/>, whether the client had ended the connection before.</summary>
    public bool HasClientLeft { get; private set; }

    /// <summary>Sends a message.</summary>
    /// <returns>As <see cref="UnixSocket.Send(ReadOnlySpan{byte})"/>; <see cref="Errno.ENOTCONN"/> once it is
    /// closed.</returns>
    public Errno Send(ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors = default)
    {
        lock (SendLock)
        {
            return _isClosed ? Errno.ENOTCONN : socket.Send(message, descriptors);
        }
    }

    /// <summary>Ends the connection; threads that receive or send return.</summary>
    public void Shutdown()
    {
        lock (_shutdownLock)
        {
            if (!_isShutDown)
            {
                HasClientLeft = socket.HasPeerLeft;
                socket.Shutdown();
                _isShutDown = true;
            }
        }
    }

    /// <summary>On return no thread uses the socket: its number may soon be that of another.</summary>
    public void Close()
    {
        Shutdown();
        lock (SendLock)
        {
            _isClosed = true;
        }
    }
}
