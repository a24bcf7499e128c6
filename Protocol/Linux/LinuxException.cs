using System.Runtime.InteropServices;

namespace EpfTest.Protocol.Linux;

/// <summary>A system call failed and the caller cannot go on; the message has the action and its object.</summary>
internal sealed class LinuxException : IOException
{
    /// <summary>Creates the exception for <paramref name="action"/>, for example "bind /run/x.sock".</summary>
    public LinuxException(string action, Errno errno)
        : base($"{action}: {Marshal.GetPInvokeErrorMessage((int)errno)}") => Errno = errno;

    /// <summary>The error number.</summary>
    public Errno Errno { get; }

    /// <summary>The error number that the last system call of this thread left, as an exception.</summary>
    internal static LinuxException FromLastError(string action) => new(action, LastError.Get());
}
