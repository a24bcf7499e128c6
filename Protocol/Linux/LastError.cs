using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>The only place where <c>errno</c> is read.</summary>
internal static class LastError
{
    /// <summary>The error number that the last failed system call of this thread left.</summary>
    public static Errno Get() => (Errno)LibC.errno;
}
