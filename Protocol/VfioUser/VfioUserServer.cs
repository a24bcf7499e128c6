using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// Serves one PCI device to one vfio-user client at a time. A client that connects while another is there waits in
/// the listening socket's queue; when one goes, all that it set up goes with it, and the next is served.
/// </summary>
/// <remarks>One thread accepts, receives, calls the device and replies, so commands are answered in their order.</remarks>
internal sealed class VfioUserServer : IVfioUserClient, IDmaMessenger, IDisposable
{
    private static readonly TimeSpan s_acceptRetryDelay = TimeSpan.FromMilliseconds(100);

    // Shorter than the time-out of a completion that waits for it.
    private static readonly TimeSpan s_drainLimit = TimeSpan.FromSeconds(1);

    private readonly IVfioUserDevice _device;
    private readonly UnixListener _listener;
    private readonly ILogger _logger;
    private readonly VfioUserServerOptions _options;
    private readonly DmaTable _memory;
    private readonly InterruptTable _interrupts;
    private readonly VfioUserConnection.Buffers _buffers = new();
    private readonly ManualResetEventSlim _stopping = new();
    private readonly Thread _thread;

    // Whoever shuts the connection down holds the lock, so that its socket is still open.
    private readonly Lock _connectionLock = new();
    private volatile VfioUserConnection? _connection;
    private Action? _whenRetired;
    private int _isReleased;

    /// <summary>Listens at <paramref name="path"/> and serves clients until disposed.</summary>
    /// <param name="device">What is served; its calls come from the server's thread.</param>
    /// <param name="path">Where the socket is made.</param>
    /// <param name="logger">Told who comes and goes, and what was wrong with a message.</param>
    /// <param name="options">How they are served; null for the default.</param>
    /// <exception cref="LinuxException">The socket cannot be made there.</exception>
    public VfioUserServer(IVfioUserDevice device, string path, ILogger logger, VfioUserServerOptions? options = null)
    {
        _options = options ?? VfioUserServerOptions.Default;
        _device = device;
        _logger = logger;
        _memory = new DmaTable(this);
        _interrupts = new InterruptTable(device.IrqCounts);
        _listener = UnixListener.Listen(path, _options.Peers, logger);
        device.Attach(this);
        _thread = new Thread(Run) { IsBackground = true, Name = "vfio-user" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public DmaTable Memory => _memory;

    /// <inheritdoc/>
    public InterruptTable Interrupts => _interrupts;

    /// <summary>Whether a client is being served.</summary>
    public bool IsConnected => _connection is not null;

    /// <inheritdoc/>
    public bool HasLeft { get; private set; }

    /// <inheritdoc/>
    public bool HasPendingPostedWrites => _connection?.Progress?.HasPendingPostedWrites() ?? false;

    /// <inheritdoc/>
    public bool DrainPostedWrites() => _connection?.Progress?.DrainPostedWrites(s_drainLimit) ?? true;

    /// <inheritdoc/>
    public Errno Access(MemoryAccess access) => _connection?.Requests.Access(access) ?? Errno.ENOTCONN;

    /// <summary>Ends the connection, if there is one, and stops listening.</summary>
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
        Release();
        _stopping.Dispose();
    }

    /// <summary>
    /// Stops listening, but goes on answering the client that is there until it hangs up: a QEMU does not survive it well when
    /// its server does that first. On return another server may listen at the path.
    /// </summary>
    /// <param name="whenGone">Called by the server's thread when no client is there any more, or on <see cref="Dispose"/>.</param>
    public void Retire(Action whenGone)
    {
        _whenRetired = whenGone;
        _listener.Withdraw();
    }

    private void Release()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) == 0)
        {
            _listener.Dispose();
            _interrupts.Dispose();
            _memory.Dispose();
        }
    }

    private void Run()
    {
        AcceptClients();
        if (_whenRetired is { } whenGone)
        {
            Release();
            whenGone();
        }
    }

    private void AcceptClients()
    {
        while (!_stopping.IsSet)
        {
            try
            {
                using UnixSocket? socket = _listener.Accept();
                if (socket is null)
                {
                    return;
                }

                Serve(socket);
            }
            catch (LinuxException error)
            {
                // No descriptor or memory is left for the client; there may be again soon.
                _logger.LogError("{Path}: {Error}", _listener.Path, error.Message);
                _stopping.Wait(s_acceptRetryDelay);
            }
        }
    }

    /// <summary>Serves a client until it has gone. For one thread at a time, the server's own.</summary>
    internal void Serve(UnixSocket socket)
    {
        using var connection = new VfioUserConnection(
            socket, _device, _memory, _interrupts, _logger, _options, _buffers);
        _connection = connection;
        _logger.LogInformation("{Path}: client connected", _listener.Path);
        _device.ClientConnected();
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

            // First of all: the device may have to wait for threads that wait for the client.
            connection.Dispose();
            HasLeft = connection.HasClientLeft;
            _device.DmaUnmappingAll(_memory.Ranges.ToArray());
            _device.ClientDisconnected();
            _interrupts.DisableAll();
            _memory.UnmapAll();
            _logger.LogInformation("{Path}: client disconnected", _listener.Path);
        }
    }
}
