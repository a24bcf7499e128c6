using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// Serves one PCI device to one vfio-user client after the other. A client that connects meanwhile waits in the
/// listening socket's queue. When a client disconnects, its memory and interrupts go with it.
/// </summary>
/// <remarks>One thread accepts, receives, calls the device and replies, so replies have the order of the
/// commands.</remarks>
internal sealed class VfioUserServer : IVfioUserClient, IDmaMessenger, IDisposable
{
    // Shorter than the timeout of a completion that waits for it.
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

    // Held while the connection is shut down, so that its socket is still open.
    private readonly Lock _connectionLock = new();
    private volatile VfioUserConnection? _connection;
    private Action? _whenRetired;
    private int _isReleased;

    /// <summary>Listens at <paramref name="path"/> and serves clients until disposed.</summary>
    /// <exception cref="LinuxException">The socket cannot be created there.</exception>
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

    /// <summary>Whether a client is connected.</summary>
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
    /// Stops listening, but answers the present client until it hangs up, since a QEMU may fail when its server hangs
    /// up first. On return another server may listen at the path.
    /// </summary>
    /// <param name="whenGone">Called once, by the server's thread, when no client is left.</param>
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
        _listener.ServeEach(Serve);
        if (_whenRetired is { } whenGone)
        {
            Release();
            whenGone();
        }
    }

    /// <summary>Serves a client until it disconnects. For one thread at a time.</summary>
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

            // First, because the device may have to wait for threads that wait for the client.
            connection.Dispose();
            HasLeft = connection.HasClientLeft;
            if (_memory.Count > 0)
            {
                _device.DmaUnmapping(_memory.Ranges.ToArray());
            }

            _device.ClientDisconnected();
            _interrupts.DisableAll();
            _memory.UnmapAll();
            _logger.LogInformation("{Path}: client disconnected", _listener.Path);
        }
    }
}
