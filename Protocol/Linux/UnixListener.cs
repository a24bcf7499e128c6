using System.Text;
using Microsoft.Extensions.Logging;
using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>
/// Listens at a path of the file system. The socket is made with mode 0600, takes the place of one that a dead
/// process left behind, never of one that a live process serves, and is removed again when disposed.
/// </summary>
internal sealed class UnixListener : FileDescriptor
{
    private const int Backlog = 8;

    // Null until the socket file is ours to remove.
    private byte[]? _fileName;

    private readonly PeerPolicy _peers;
    private readonly ILogger? _logger;

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
    /// <param name="path">Where the socket is made.</param>
    /// <param name="peers">Which users' clients are accepted; null for our own only.</param>
    /// <param name="logger">Told of clients that are refused.</param>
    /// <exception cref="LinuxException">The path is served by a live process, is no socket, is in a directory that others may
    /// change, or cannot be made.</exception>
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

    /// <summary>Refuses further clients; a thread that waits in <see cref="Accept"/> returns. May be called by any thread.</summary>
    public void Stop() => _ = LibC.shutdown(Number, LibC.SHUT_RDWR);

    /// <summary>The same, and makes room at the path now: another may listen there before this one is disposed.</summary>
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
            // The bytes end with a zero. Nobody is there to be told where the file, or its directory, has gone already.
            fixed (byte* name = fileName)
            {
                _ = LibC.unlink(name);
            }
        }
    }

    /// <summary>Nobody else may be able to put a socket of theirs in the place of ours.</summary>
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
