namespace EpfTest.Protocol.Linux;

/// <summary>
/// Error numbers of Linux as they cross the wire and come back from system calls
/// (<c>include/uapi/asm-generic/errno-base.h</c> and <c>errno.h</c>). <see cref="None"/> is success.
/// </summary>
internal enum Errno
{
    /// <summary>Success.</summary>
    None = 0,
    /// <summary>Operation not permitted.</summary>
    EPERM = 1,
    /// <summary>No such file, directory or mapping.</summary>
    ENOENT = 2,
    /// <summary>Interrupted system call.</summary>
    EINTR = 4,
    /// <summary>Input/output error.</summary>
    EIO = 5,
    /// <summary>Bad file descriptor.</summary>
    EBADF = 9,
    /// <summary>Try again: it would block, or a time limit passed.</summary>
    EAGAIN = 11,
    /// <summary>Out of memory.</summary>
    ENOMEM = 12,
    /// <summary>Permission denied.</summary>
    EACCES = 13,
    /// <summary>Bad address.</summary>
    EFAULT = 14,
    /// <summary>Device or resource busy.</summary>
    EBUSY = 16,
    /// <summary>It exists already.</summary>
    EEXIST = 17,
    /// <summary>No such device.</summary>
    ENODEV = 19,
    /// <summary>Invalid argument.</summary>
    EINVAL = 22,
    /// <summary>No space left.</summary>
    ENOSPC = 28,
    /// <summary>Broken pipe.</summary>
    EPIPE = 32,
    /// <summary>It would wait for itself.</summary>
    EDEADLK = 35,
    /// <summary>Protocol error.</summary>
    EPROTO = 71,
    /// <summary>Bad message: its data is not to be used.</summary>
    EBADMSG = 74,
    /// <summary>Operation not supported.</summary>
    EOPNOTSUPP = 95,
    /// <summary>Address already in use.</summary>
    EADDRINUSE = 98,
    /// <summary>Connection reset by peer.</summary>
    ECONNRESET = 104,
    /// <summary>Not connected.</summary>
    ENOTCONN = 107,
    /// <summary>A time limit passed.</summary>
    ETIMEDOUT = 110,
    /// <summary>Connection refused.</summary>
    ECONNREFUSED = 111,
}
