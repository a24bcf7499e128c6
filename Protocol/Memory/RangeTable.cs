using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Memory;

/// <summary>Memory by address: ranges of shared files, sorted, none overlapping another.</summary>
/// <remarks>
/// <see cref="Map"/>, <see cref="Unmap"/> and <see cref="UnmapAll"/> are for one thread at a time;
/// <see cref="Read"/>, <see cref="Write"/> and <see cref="Lease"/> are for any thread and never wait for those. Once an
/// unmap has returned, no access through the old range is under way.
/// </remarks>
internal class RangeTable : IDisposable
{
    /// <summary>The most ranges at a time: the vfio-user specification's default for max_dma_maps.</summary>
    public const int MaxRanges = 65535;

    private readonly Dictionary<FileIdentity, SharedFile> _files = [];
    private readonly AccessGate _gate = new();
    private volatile RangeMap _map = RangeMap.Empty;
    private volatile bool _isSuspended;

    /// <summary>How many ranges there are.</summary>
    public int Count => _map.Count;

    /// <summary>The ranges at this moment.</summary>
    public RangeMap Ranges => _map;

    /// <summary>
    /// Refuses accesses (<see cref="Errno.EPERM"/>), as of a device whose bus mastering is off. Once it is set, no
    /// access to shared memory is under way; one to private memory may still be. May be set by any thread.
    /// </summary>
    public bool IsSuspended
    {
        get => _isSuspended;
        set
        {
            _isSuspended = value;
            _gate.Drain();
        }
    }

    /// <summary>Adds a range.</summary>
    /// <param name="address">The first address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="access">The accesses that are allowed.</param>
    /// <param name="descriptor">The file that holds the memory, owned by this call; null for private memory.</param>
    /// <param name="fileOffset">Where the range starts in the file, in bytes.</param>
    /// <param name="mayMap">False to use system calls only.</param>
    /// <param name="range">The new range, if there is no error.</param>
    /// <returns>
    /// <see cref="Errno.EINVAL"/> if the range is empty, wraps, lies outside its file or is one too many;
    /// <see cref="Errno.EEXIST"/> if it overlaps another.
    /// </returns>
    public Errno Map(
        ulong address,
        ulong size,
        DmaAccess access,
        FileDescriptor? descriptor,
        ulong fileOffset,
        bool mayMap,
        out DmaRange range)
    {
        range = default;
        using FileDescriptor? owned = descriptor;
        RangeMap map = _map;
        if (size == 0 || address + (size - 1) < address || map.Count == MaxRanges)
        {
            return Errno.EINVAL;
        }

        if (map.FirstIn(address, address + (size - 1)) is not null)
        {
            return Errno.EEXIST;
        }

        SharedFile? file = null;
        if (descriptor is not null
            && FileIdentity.TryRead(descriptor.Number, out FileIdentity identity, out ulong length))
        {
            // A file that is not to be mapped is treated as one that could shrink.
            identity = identity with { CannotShrink = identity.CannotShrink && mayMap };
            file = Share(descriptor, identity, length);
            if (!file.Covers(fileOffset, size) || (access.HasFlag(DmaAccess.Write) && !identity.Writable))
            {
                Release(file);
                return Errno.EINVAL;
            }
        }

        range = new DmaRange(address, size, access, file, fileOffset);
        _map = map.Add(range);
        return Errno.None;
    }

    /// <summary>Removes ranges of <see cref="Ranges"/>, and waits for accesses that are under way.</summary>
    public void Unmap(ReadOnlySpan<DmaRange> ranges)
    {
        RangeMap map = RangeMap.Empty;
        if (ranges.Length < _map.Count)
        {
            map = _map;
            foreach (DmaRange range in ranges)
            {
                map = map.Remove(range);
            }
        }

        _map = map;
        _gate.Drain();
        foreach (DmaRange range in ranges)
        {
            Release(range.File);
        }
    }

    /// <summary>Removes every range, and waits for accesses that are under way.</summary>
    public void UnmapAll() => Unmap(_map.ToArray());

    /// <summary>Leases memory for copying in place.</summary>
    /// <param name="address">The first address.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">The accesses that will be made.</param>
    /// <returns>As many bytes as one mapped range has there; none where <see cref="Read"/> or <see cref="Write"/> would
    /// fail or would not use a mapping.</returns>
    public MemoryLease Lease(ulong address, int wanted, DmaAccess access)
    {
        int turn = _gate.Enter();
        if (Lookup(address, wanted, access, out SharedFile? file, out ulong offset, out int length) == Errno.None
            && file is { Backing: DmaBacking.Mapping })
        {
            return new MemoryLease(file.Mapped(offset, length), _gate, turn);
        }

        _gate.Leave(turn);
        return default;
    }

    /// <summary>Reads memory, which may lie in several adjacent ranges.</summary>
    /// <returns>
    /// <see cref="Errno.EFAULT"/> for an address without memory, <see cref="Errno.EACCES"/> for an access that its
    /// range does not allow, <see cref="Errno.EPERM"/> while suspended, or the error of the file or messenger. After an
    /// error any part of the access may have been carried out.
    /// </returns>
    public Errno Read(ulong address, Span<byte> destination) => Access(address, destination, DmaAccess.Read);

    /// <summary>Writes memory, which may lie in several adjacent ranges.</summary>
    /// <returns>As for <see cref="Read"/>.</returns>
    public Errno Write(ulong address, ReadOnlySpan<byte> source) =>
        Access(address, MemoryAccess.AsSpan(source), DmaAccess.Write);

    /// <summary>Removes every range. Threads that still use the table find no memory.</summary>
    public void Dispose() => UnmapAll();

    /// <summary>Reads or writes within a range that has no file.</summary>
    protected virtual Errno AccessPrivate(MemoryAccess access) => Errno.EFAULT;

    private Errno Access(ulong address, Span<byte> bytes, DmaAccess kind)
    {
        if (!bytes.IsEmpty && address + (ulong)(bytes.Length - 1) < address)
        {
            return Errno.EFAULT;
        }

        while (!bytes.IsEmpty)
        {
            int length;
            SharedFile? file;
            Errno result;
            int turn = _gate.Enter();
            try
            {
                result = Lookup(address, bytes.Length, kind, out file, out ulong offset, out length);
                if (result == Errno.None && file is not null)
                {
                    result = file.Access(offset, bytes[..length], kind);
                }
            }
            finally
            {
                _gate.Leave(turn);
            }

            if (result == Errno.None && file is null)
            {
                // Outside the gate: if the client unmaps meanwhile, draining the gate must not wait for its answer.
                result = AccessPrivate(new MemoryAccess(address, bytes[..length], kind));
            }

            if (result != Errno.None)
            {
                return result;
            }

            bytes = bytes[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    /// <summary>Finds the range at <paramref name="address"/>, and how many of <paramref name="wanted"/> bytes it has.
    /// Called inside the gate, which keeps <paramref name="file"/> open.</summary>
    private Errno Lookup(
        ulong address, int wanted, DmaAccess access, out SharedFile? file, out ulong fileOffset, out int length)
    {
        file = null;
        fileOffset = 0;
        length = 0;
        if (!_map.TryFind(address, out DmaRange range))
        {
            return Errno.EFAULT;
        }

        if (_isSuspended)
        {
            return Errno.EPERM;
        }

        ulong inside = address - range.Address;
        file = range.File;
        fileOffset = range.FileOffset + inside;
        length = (int)Math.Min((ulong)wanted, range.Size - inside);

        // Not HasFlag(), which allocates in unoptimised code.
        return (range.Access & access) != 0 ? Errno.None : Errno.EACCES;
    }

    private SharedFile Share(FileDescriptor descriptor, FileIdentity identity, ulong length)
    {
        // A file that has grown is opened again at its new length.
        if (!_files.TryGetValue(identity, out SharedFile? file) || !file.Covers(0, length))
        {
            file = SharedFile.Open(descriptor.Duplicate(), identity, length);
            _files[identity] = file;
        }

        file.AddReference();
        return file;
    }

    private void Release(SharedFile? file)
    {
        if (file is not null
            && file.Release()
            && _files.TryGetValue(file.Identity, out SharedFile? known)
            && known == file)
        {
            _files.Remove(file.Identity);
        }
    }
}
