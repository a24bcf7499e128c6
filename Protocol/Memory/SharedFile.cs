using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Protocol.Memory;

/// <summary>
/// A file that a client shares. All its DMA ranges use one descriptor and one mapping, so that 65,535 ranges need
/// neither that many descriptors nor that many areas of our address space.
/// </summary>
/// <remarks>
/// A peer may truncate a file, and an access to a mapping beyond its end ends the process (SIGBUS). So a file is mapped
/// only if the kernel guarantees that it cannot shrink (F_SEAL_SHRINK, which QEMU's memory-backend-memfd sets); others
/// are accessed by pread(2) and pwrite(2). Not thread-safe, except for <see cref="Access"/>.
/// </remarks>
internal sealed unsafe class SharedFile
{
    private readonly FileDescriptor _descriptor;
    private readonly ulong _length;
    private byte* _base;
    private int _references;

    private SharedFile(FileDescriptor descriptor, FileIdentity identity, ulong length)
    {
        _descriptor = descriptor;
        Identity = identity;
        _length = length;
    }

    /// <summary>Which file it is.</summary>
    public FileIdentity Identity { get; }

    /// <summary><see cref="DmaBacking.Mapping"/> or <see cref="DmaBacking.SystemCalls"/>.</summary>
    public DmaBacking Backing => _base != null ? DmaBacking.Mapping : DmaBacking.SystemCalls;

    /// <summary>The descriptor, which can be passed to another process.</summary>
    public FileDescriptor Descriptor => _descriptor;

    /// <summary>Takes ownership of <paramref name="descriptor"/>, and maps the file if it cannot shrink.</summary>
    /// <returns>The file, without a reference yet.</returns>
    internal static SharedFile Open(FileDescriptor descriptor, FileIdentity identity, ulong length)
    {
        var file = new SharedFile(descriptor, identity, length);
        if (identity.CannotShrink && length > 0)
        {
            int protection = identity.Writable ? LibC.PROT_READ | LibC.PROT_WRITE : LibC.PROT_READ;
            void* mapping = LibC.mmap(null, (size_t)length, protection, LibC.MAP_SHARED, descriptor.Number, 0);
            if (mapping != LibC.MAP_FAILED)
            {
                // Guest memory does not belong into our core dumps.
                _ = LibC.madvise(mapping, (size_t)length, LibC.MADV_DONTDUMP);
                file._base = (byte*)mapping;
            }
        }

        return file;
    }

    /// <summary>Whether bytes [<paramref name="offset"/>, <paramref name="offset"/> + <paramref name="size"/>)
    /// were inside the file when it was opened here.</summary>
    internal bool Covers(ulong offset, ulong size) => offset <= _length && size <= _length - offset;

    internal void AddReference() => _references++;

    /// <summary>Unmaps and closes the file with its last range.</summary>
    /// <returns>Whether it was the last.</returns>
    internal bool Release()
    {
        if (--_references > 0)
        {
            return false;
        }

        if (_base != null)
        {
            _ = LibC.munmap(_base, (size_t)_length);
            _base = null;
        }

        _descriptor.Dispose();
        return true;
    }

    /// <summary>Bytes of the mapped file; the caller has checked the range with <see cref="Covers"/>.</summary>
    internal Span<byte> Mapped(ulong offset, int length) => new(_base + offset, length);

    /// <summary>Reads or writes bytes of the file; the caller has checked the range with
    /// <see cref="Covers"/>.</summary>
    internal Errno Access(ulong offset, Span<byte> bytes, DmaAccess kind)
    {
        if (_base == null)
        {
            return AccessBySystemCalls((long)offset, bytes, kind);
        }

        // In bounds: Covers() holds for the range, the file cannot shrink, and all of it is mapped.
        if (kind == DmaAccess.Write)
        {
            GuestCopy.ToGuest(bytes, _base + offset);
        }
        else
        {
            GuestCopy.FromGuest(_base + offset, bytes);
        }

        return Errno.None;
    }

    private Errno AccessBySystemCalls(long offset, Span<byte> bytes, DmaAccess kind)
    {
        // pwrite(2) would extend a file that has shrunk.
        bool isWrite = kind == DmaAccess.Write;
        if (isWrite
            && (!FileIdentity.TryRead(_descriptor.Number, out _, out ulong length)
                || (ulong)offset + (ulong)bytes.Length > length))
        {
            return Errno.EFAULT;
        }

        // In bounds: the kernel checks the file's side, bytes.Length bounds ours.
        fixed (byte* start = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                int left = bytes.Length - done;
                long count = isWrite
                    ? LibC.pwrite(_descriptor.Number, start + done, left, offset + done)
                    : LibC.pread(_descriptor.Number, start + done, left, offset + done);
                if (count > 0)
                {
                    done += (int)count;
                }
                else if (count == 0)
                {
                    return Errno.EFAULT;
                }
                else if (LastError.Get() != Errno.EINTR)
                {
                    return LastError.Get();
                }
            }
        }

        return Errno.None;
    }
}
