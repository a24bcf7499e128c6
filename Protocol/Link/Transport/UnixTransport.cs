using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Link.Transport;

/// <summary>The link over a Unix stream socket.</summary>
internal sealed class UnixTransport : IFrameTransport
{
    // One batch of completions is sent while the next is laid out.
    private const int SendBuffer = 256 << 10;

    private readonly UnixSocket _socket;
    private readonly SocketWait _wait;

    // Held around shutdown(2), so that the descriptor is not another file's by then.
    private readonly Lock _lock = new();
    private bool _disposed;

    /// <summary>Takes ownership of a connected socket, also when it throws.</summary>
    /// <exception cref="LinuxException">No descriptor is free.</exception>
    public UnixTransport(UnixSocket socket)
    {
        _socket = socket;
        try
        {
            _wait = new SocketWait(socket);
        }
        catch (LinuxException)
        {
            socket.Dispose();
            throw;
        }

        socket.SetSendBuffer(SendBuffer);
    }

    /// <inheritdoc/>
    public bool PassesDescriptors => true;

    /// <inheritdoc/>
    public Errno TrySend(ReadOnlySpan<byte> bytes, FileDescriptor? descriptor, out int sent) =>
        _socket.TrySend(bytes, descriptor is null ? [] : [descriptor.Number], out sent);

    /// <inheritdoc/>
    public Errno Send(ReadOnlySpan<byte> bytes, TimeSpan limit)
    {
        _socket.SetSendTimeout(limit);
        return _socket.Send(bytes);
    }

    /// <inheritdoc/>
    public Errno Receive(
        Span<byte> buffer, Span<int> descriptors, bool wait, out int descriptorCount, out int received) =>
        _socket.Receive(buffer, descriptors, wait, out descriptorCount, out received);

    /// <inheritdoc/>
    public void WaitReadable(int milliseconds) => _socket.WaitReadable(milliseconds);

    /// <inheritdoc/>
    public void WaitUnlessPaused() => _wait.Wait();

    /// <inheritdoc/>
    public void Pause() => _wait.Suspend();

    /// <inheritdoc/>
    public void Resume() => _wait.Resume();

    /// <inheritdoc/>
    public void Shutdown()
    {
        lock (_lock)
        {
            if (!_disposed)
            {
                _socket.Shutdown();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _wait.Dispose();
            _socket.Dispose();
        }
    }
}
