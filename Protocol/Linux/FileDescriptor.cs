using System.Runtime.InteropServices;
using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>Owns one file descriptor and closes it when disposed.</summary>
internal class FileDescriptor : SafeHandle
{
    private const int Invalid = -1;

    /// <summary>Takes ownership of <paramref name="descriptor"/>.</summary>
    public FileDescriptor(int descriptor)
        : base(Invalid, ownsHandle: true) => SetHandle(descriptor);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == Invalid;

    /// <summary>The number itself; valid while this object is alive and not disposed.</summary>
    internal int Number => (int)handle;

    /// <summary>A new descriptor for the same open file, closed on exec.</summary>
    /// <exception cref="LinuxException">No descriptor is free.</exception>
    public FileDescriptor Duplicate()
    {
        int copy = LibC.fcntl(Number, LibC.F_DUPFD_CLOEXEC, 0);
        return copy >= 0 ? new FileDescriptor(copy) : throw LinuxException.FromLastError("duplicate a descriptor");
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => LibC.close((int)handle) == 0;
}
