using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Protocol.Memory;

/// <summary>
/// A file that a client shares. All its DMA ranges use one descriptor and one mapping, so that 65,535 ranges need
/// neither that many descriptors nor that many areas of our address space.
/// </summary>
/// <remarks>
/// <para>A peer may truncate a file, and an access to a mapping beyond its end ends the process (SIGBUS). So loads and
/// stores are for files that cannot shrink (F_SEAL_SHRINK, which QEMU's memory-backend-memfd sets). Others are accessed
/// by system calls, which fail cleanly.</para>
/// <para>The same signal comes when the machine has no huge page left. A mapping of a file in huge pages reserves all
/// of them, or fails. Then, too, system calls do it. Such files cannot be written by pwrite(2) (hugetlbfs_write_begin()
/// of fs/hugetlbfs/inode.c), so another mapping serves <see cref="FileMapping.Store"/>.</para>
/// <para>Not thread-safe, except for <see cref="Access"/>.</para>
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
        PageSize = FileMapping.PageSizeOf(descriptor.Number);
        _length = length;
    }

    /// <summary>Which file it is.</summary>
    public FileIdentity Identity { get; }

    /// <summary><see cref="DmaBacking.Mapping"/> or <see cref="DmaBacking.SystemCalls"/>.</summary>
    public DmaBacking Backing { get; private set; } = DmaBacking.SystemCalls;

    /// <summary>Bytes of a page: offset and length of a mapping are multiples of it.</summary>
    public ulong PageSize { get; }

    /// <summary>Whether the file is in huge pages.</summary>
    public bool IsHuge => PageSize > (ulong)Environment.SystemPageSize;

    /// <summary>The descriptor, which can be passed to another process.</summary>
    public FileDescriptor Descriptor => _descriptor;

    /// <summary>Takes ownership of <paramref name="descriptor"/>, and maps the file if that is safe.</summary>
    /// <returns>The file, without a reference yet.</returns>
    internal static SharedFile Open(FileDescriptor descriptor, FileIdentity identity, ulong length)
    {
        var file = new SharedFile(descriptor, identity, length);
        if (identity.CannotShrink && file.TryMap(0))
        {
            file.Backing = DmaBacking.Mapping;
        }
        else if (file.IsHuge)
        {
            file.TryMap(LibC.MAP_NORESERVE);
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
        if (Backing != DmaBacking.Mapping)
        {
            return kind == DmaAccess.Write && _base != null
                ? FileMapping.Store(_base + offset, bytes)
                : AccessBySystemCalls((long)offset, bytes, kind);
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

    private bool TryMap(int flags)
    {
        int protection = Identity.Writable ? LibC.PROT_READ | LibC.PROT_WRITE : LibC.PROT_READ;
        void* mapping =
            LibC.mmap(null, (size_t)_length, protection, LibC.MAP_SHARED | flags, _descriptor.Number, 0);
        if (mapping == LibC.MAP_FAILED)
        {
            return false;
        }

        // Guest memory does not belong into our core dumps.
        _ = LibC.madvise(mapping, (size_t)_length, LibC.MADV_DONTDUMP);
        _base = (byte*)mapping;
        return true;
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
