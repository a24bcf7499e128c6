using EpfTest.Protocol.Linux;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VhostUser;

/// <summary>
/// Serves a window to one vhost-user front-end at a time (QEMU's <c>vhost-user-test-device-pci</c>); when one goes, the
/// next is served.
/// </summary>
/// <remarks>One thread accepts, receives and replies.</remarks>
internal sealed class VhostUserServer : IDisposable
{
    private static readonly TimeSpan s_acceptRetryDelay = TimeSpan.FromMilliseconds(100);

    private readonly IWindowDevice _device;
    private readonly UnixListener _listener;
    private readonly ILogger _logger;
    private readonly ManualResetEventSlim _stopping = new();
    private readonly Thread _thread;

    // Whoever shuts the connection down holds the lock, so that its socket is still open.
    private readonly Lock _connectionLock = new();
    private VhostUserConnection? _connection;

    /// <summary>Listens at <paramref name="path"/> and serves front-ends until disposed.</summary>
    /// <param name="device">What is served.</param>
    /// <param name="path">Where the socket is made.</param>
    /// <param name="peers">Which users' front-ends are served.</param>
    /// <param name="logger">Told who comes and goes, and what was wrong with a message.</param>
    /// <exception cref="LinuxException">The socket cannot be made there.</exception>
    public VhostUserServer(IWindowDevice device, string path, PeerPolicy peers, ILogger logger)
    {
        _device = device;
        _logger = logger;
        _listener = UnixListener.Listen(path, peers, logger);
        _thread = new Thread(Run) { IsBackground = true, Name = "vhost-user" };
        _thread.Start();
    }

    /// <summary>Whether a front-end is being served.</summary>
    public bool IsConnected => Volatile.Read(ref _connection) is not null;

    /// <summary>Ends the connection, if there is one, and stops listening. What is mapped stays, as QEMU has it.</summary>
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

    private void Run()
    {
        while (!_stopping.IsSet)
        {
            try
            {
                using UnixSocket? socket = _listener.Accept();
                if (socket is not null)
                {
                    Serve(socket);
                }
            }
            catch (LinuxException error)
            {
                // No descriptor or memory is left for the front-end; there may be again soon.
                _logger.LogError("{Path}: {Error}", _listener.Path, error.Message);
                _stopping.Wait(s_acceptRetryDelay);
            }
        }
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
