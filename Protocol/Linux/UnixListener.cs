using System.Text;
using Microsoft.Extensions.Logging;
using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>
/// Listens at a path of the file system. The socket has mode 0600, replaces one that a dead process left behind, never
/// one that a running process serves, and is removed when this is disposed.
/// </summary>
internal sealed class UnixListener : FileDescriptor
{
    private const int Backlog = 8;
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(100);

    // Null until the socket file is ours to remove.
    private byte[]? _fileName;

    private readonly PeerPolicy _peers;
    private readonly ILogger? _logger;
    private volatile bool _isStopped;

    private UnixListener(int descriptor, string path, PeerPolicy peers, ILogger? logger)
        : base(descriptor)
    {
        Path = path;
        _peers = peers;
        _logger = logger;
    }

    /// <summary>Where it listens.</summary>
    public string Path { get; }

    /// <summary>Starts listening at <paramref name="path"/>.</summary>
    /// <param name="path">Where the socket is created.</param>
    /// <param name="peers">Which users' clients are accepted; null for our own only.</param>
    /// <param name="logger">Logs clients that are refused.</param>
    /// <exception cref="LinuxException">A running process serves the path, it is no socket, others may change its
    /// directory, or the socket cannot be created there.</exception>
    public static unsafe UnixListener Listen(string path, PeerPolicy? peers = null, ILogger? logger = null)
    {
        sockaddr_un address;
        int length = UnixSocket.FillAddress(&address, path);
        CheckDirectory(path);
        RemoveStale(path);
        var listener = new UnixListener(UnixSocket.NewSocket(), path, peers ?? PeerPolicy.SameUser, logger);
        try
        {
            // The mode of a socket file comes from the mode of the socket at bind(2), less the umask.
            Check(LibC.fchmod(listener.Number, (mode_t)0x180));
            Check(LibC.bind(listener.Number, (sockaddr*)&address, length));
            listener._fileName = FileName(path);
            Check(LibC.listen(listener.Number, Backlog));
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        return listener;

        void Check(int result)
        {
            if (result != 0)
            {
                throw LinuxException.FromLastError($"listen at {path}");
            }
        }
    }

    /// <summary>Serves one client after the other on the calling thread, until <see cref="Stop"/>.</summary>
    public void ServeEach(Action<UnixSocket> serve)
    {
        while (!_isStopped)
        {
            try
            {
                using UnixSocket? socket = Accept();
                if (socket is not null)
                {
                    serve(socket);
                }
            }
            catch (LinuxException error)
            {
                // No descriptor or memory is left for this client; there may be again soon.
                _logger?.LogError("{Path}: {Error}", Path, error.Message);
                Thread.Sleep(s_retryDelay);
            }
        }
    }

    /// <summary>Waits for the next client.</summary>
    /// <returns>The connection, or null once <see cref="Stop"/> was called.</returns>
    /// <exception cref="LinuxException">The system has no descriptor or memory left.</exception>
    public unsafe UnixSocket? Accept()
    {
        while (true)
        {
            int descriptor = LibC.accept4(Number, null, null, LibC.SOCK_CLOEXEC);
            if (descriptor >= 0)
            {
                var socket = new UnixSocket(descriptor);
                if (_peers.Refusal(socket) is not { } refusal)
                {
                    return socket;
                }

                socket.Dispose();
                _logger?.LogWarning("{Path}: client refused: {Reason}", Path, refusal);
                continue;
            }

            switch (LastError.Get())
            {
                case Errno.EINTR:
                    continue;
                case Errno.EINVAL: // what shutdown(2) leaves
                    return null;
                default:
                    throw LinuxException.FromLastError($"accept at {Path}");
            }
        }
    }

    /// <summary>Refuses further clients; a thread that waits in <see cref="Accept"/> returns. May be called by any
    /// thread.</summary>
    public void Stop()
    {
        _isStopped = true;
        _ = LibC.shutdown(Number, LibC.SHUT_RDWR);
    }

    /// <summary>Stops, and removes the socket's file: another may listen at the path before this one is
    /// disposed.</summary>
    public void Withdraw()
    {
        RemoveFile();
        Stop();
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        bool closed = base.ReleaseHandle();
        RemoveFile();
        return closed;
    }

    private unsafe void RemoveFile()
    {
        if (Interlocked.Exchange(ref _fileName, null) is { } fileName)
        {
            // The bytes end with a zero. A file or directory that is gone already is no error.
            fixed (byte* name = fileName)
            {
                _ = LibC.unlink(name);
            }
        }
    }

    /// <summary>Refuses a directory where another user could replace our socket.</summary>
    private static unsafe void CheckDirectory(string path)
    {
        const uint OthersWrite = 0x12; // 022
        string directory = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) ?? "/";
        stat status;

        // The bytes end with a zero, and status is what stat(2) fills.
        fixed (byte* name = FileName(directory))
        {
            if (LibC.stat(name, &status) != 0)
            {
                throw LinuxException.FromLastError($"listen at {path}, in the directory {directory}");
            }
        }

        uint mode = (uint)status.st_mode;
        uint owner = (uint)status.st_uid;
        if (owner != 0 && owner != LibC.geteuid())
        {
            throw new LinuxException(
                $"listen at {path}: the directory {directory} belongs to user {owner}, who could replace the socket; "
                + "use one of your own",
                Errno.EACCES);
        }

        if ((mode & OthersWrite) != 0 && (mode & (uint)(mode_t)LibC.S_ISVTX) == 0)
        {
            throw new LinuxException(
                $"listen at {path}: others may write to the directory {directory}, and could replace the socket; "
                + $"take that away (chmod go-w {directory}) or use another",
                Errno.EACCES);
        }
    }

    private static byte[] FileName(string path) => Encoding.UTF8.GetBytes(path + '\0');

    private static void RemoveStale(string path)
    {
        try
        {
            UnixSocket.Connect(path).Dispose();
        }
        catch (LinuxException error) when (error.Errno == Errno.ENOENT)
        {
            return;
        }
        catch (LinuxException error) when (error.Errno == Errno.ECONNREFUSED && IsSocket(path))
        {
            File.Delete(path);
            return;
        }
        catch (LinuxException error) when (error.Errno == Errno.ECONNREFUSED)
        {
            throw new LinuxException($"listen at {path}, where a file that is no socket stands", Errno.EEXIST);
        }

        throw new LinuxException($"listen at {path}, which a running process serves already", Errno.EADDRINUSE);
    }

    private static unsafe bool IsSocket(string path)
    {
        stat status;
        // The bytes end with a zero, and status is what lstat(2) fills.
        fixed (byte* name = FileName(path))
        {
            return LibC.lstat(name, &status) == 0 && LibC.S_ISSOCK(status.st_mode);
        }
    }
}
