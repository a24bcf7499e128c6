using EpfTest.Protocol.Linux;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VhostUser;

/// <summary>
/// Serves a window to one vhost-user front-end after the other (QEMU's <c>vhost-user-test-device-pci</c>), with one
/// thread that accepts, receives and replies.
/// </summary>
internal sealed class VhostUserServer : IDisposable
{
    private readonly IWindowDevice _device;
    private readonly UnixListener _listener;
    private readonly ILogger _logger;
    private readonly ManualResetEventSlim _stopping = new();
    private readonly Thread _thread;

    // Held while the connection is shut down, so that its socket is still open.
    private readonly Lock _connectionLock = new();
    private VhostUserConnection? _connection;

    /// <summary>Listens at <paramref name="path"/> and serves front-ends until disposed.</summary>
    /// <exception cref="LinuxException">The socket cannot be created there.</exception>
    public VhostUserServer(IWindowDevice device, string path, PeerPolicy peers, ILogger logger)
    {
        _device = device;
        _logger = logger;
        _listener = UnixListener.Listen(path, peers, logger);
        _thread = new Thread(() => _listener.ServeEach(Serve)) { IsBackground = true, Name = "vhost-user" };
        _thread.Start();
    }

    /// <summary>Whether a front-end is connected.</summary>
    public bool IsConnected => Volatile.Read(ref _connection) is not null;

    /// <summary>Ends the connection, if there is one, and stops listening. QEMU keeps what is mapped.</summary>
    public void Dispose()
    {
        if (_stopping.IsSet)
        {
            return;
        }

        _stopping.Set();
        _listener.Stop();
        lock (_connectionLock)
        {
            _connection?.Shutdown();
        }

        _thread.Join();
        _listener.Dispose();
        _stopping.Dispose();
    }

    private void Serve(UnixSocket socket)
    {
        using var connection = new VhostUserConnection(socket, _device, _logger);
        lock (_connectionLock)
        {
            _connection = connection;
        }

        _logger.LogInformation("{Path}: front-end connected", _listener.Path);
        try
        {
            if (!_stopping.IsSet)
            {
                connection.Run();
            }
        }
        finally
        {
            lock (_connectionLock)
            {
                _connection = null;
            }

            _logger.LogInformation("{Path}: front-end disconnected", _listener.Path);
        }
    }
}
