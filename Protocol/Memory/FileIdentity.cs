using Tmds.Linux;

namespace EpfTest.Protocol.Memory;

/// <summary>Identifies a shared file together with the way in which it was opened.</summary>
/// <param name="Device">The file system (st_dev).</param>
/// <param name="Inode">The file in it (st_ino).</param>
/// <param name="Writable">Whether the descriptor allows writing.</param>
/// <param name="CannotShrink">Whether it is sealed with F_SEAL_SHRINK (fcntl(2)).</param>
internal readonly record struct FileIdentity(ulong Device, ulong Inode, bool Writable, bool CannotShrink)
{
    /// <summary>Identifies the file of an open descriptor.</summary>
    /// <param name="descriptor">An open descriptor.</param>
    /// <param name="identity">The file.</param>
    /// <param name="length">Its present length, in bytes.</param>
    /// <returns>False if it is no regular file, which has neither length nor offsets, or cannot be read.</returns>
    internal static unsafe bool TryRead(int descriptor, out FileIdentity identity, out ulong length)
    {
        stat status;
        // &status is what fstat(2) fills.
        if (LibC.fstat(descriptor, &status) != 0 || !LibC.S_ISREG(status.st_mode))
        {
            identity = default;
            length = 0;
            return false;
        }

        int mode = LibC.fcntl(descriptor, LibC.F_GETFL) & LibC.O_ACCMODE;
        int seals = LibC.fcntl(descriptor, LibC.F_GET_SEALS);
        identity = new FileIdentity(
            status.st_dev, status.st_ino, mode == LibC.O_RDWR, seals > 0 && (seals & LibC.F_SEAL_SHRINK) != 0);
        length = (ulong)(long)status.st_size;
        return mode != LibC.O_WRONLY;
    }
}
