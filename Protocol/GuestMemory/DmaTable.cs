using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.GuestMemory;

/// <summary>
/// The guest memory that a device may reach by DMA: ranges of bus addresses, sorted, none overlapping another.
/// </summary>
/// <remarks>
/// <see cref="Map"/>, <see cref="Unmap"/> and <see cref="UnmapAll"/> belong to the thread that serves the client;
/// <see cref="Read"/> and <see cref="Write"/> may be called by any thread. Once an unmap has returned no access
/// through the old range is under way any more.
/// </remarks>
public sealed class DmaTable : IDisposable
{
    /// <summary>The most ranges at a time: the specification's default for max_dma_maps.</summary>
    public const int MaxRanges = 65535;

    private readonly IDmaMessenger _messenger;
    private readonly Dictionary<FileIdentity, SharedFile> _files = [];
    private readonly ReaderWriterLockSlim _lock = new(LockRecursionPolicy.NoRecursion);

    // Parallel arrays: a search touches the addresses only.
    private ulong[] _addresses = new ulong[16];
    private DmaRange[] _ranges = new DmaRange[16];
    private int _count;
    private int _lastHit;
    private bool _isSuspended;

    /// <summary>An empty table.</summary>
    /// <param name="messenger">Reaches ranges for which the client passed no descriptor.</param>
    public DmaTable(IDmaMessenger messenger) => _messenger = messenger;

    /// <summary>How many ranges there are.</summary>
    public int Count => _count;

    /// <summary>
    /// Whether accesses are refused for now (<see cref="Errno.EPERM"/>), as those of a device whose bus mastering is off.
    /// Once it has been set no access to shared memory is under way; one that the messenger has begun goes on. May be set
    /// by any thread.
    /// </summary>
    public bool IsSuspended
    {
        get => _isSuspended;
        set
        {
            _lock.EnterWriteLock();
            _isSuspended = value;
            _lock.ExitWriteLock();
        }
    }

    /// <summary>Adds a range.</summary>
    /// <param name="address">First bus address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="access">What the device may do.</param>
    /// <param name="descriptor">The file that holds the memory, owned by this call, or null.</param>
    /// <param name="fileOffset">Where the range starts in it, in bytes.</param>
    /// <param name="mayMap">False to use system calls only.</param>
    /// <param name="range">The new range.</param>
    /// <returns>
    /// <see cref="Errno.EINVAL"/> for an empty or wrapping range, one that its file does not hold, or one range too
    /// many; <see cref="Errno.EEXIST"/> where it overlaps another.
    /// </returns>
    public Errno Map(
        ulong address,
        ulong size,
        DmaAccess access,
        FileDescriptor? descriptor,
        ulong fileOffset,
        bool mayMap,
        out DmaRange? range)
    {
        range = null;
        using FileDescriptor? owned = descriptor;
        if (size == 0 || address + (size - 1) < address || _count == MaxRanges)
        {
            return Errno.EINVAL;
        }

        int place = UpperBound(address);
        if ((place > 0 && address - _addresses[place - 1] < _ranges[place - 1].Size)
            || (place < _count && _addresses[place] - address < size))
        {
            return Errno.EEXIST;
        }

        SharedFile? file = null;
        if (descriptor is not null && FileIdentity.TryRead(descriptor.Number, out FileIdentity identity, out ulong length))
        {
            // A file that is not to be mapped is as good as one that could shrink.
            identity = identity with { CannotShrink = identity.CannotShrink && mayMap };
            file = Share(descriptor, identity, length);
            if (!file.Covers(fileOffset, size) || (access.HasFlag(DmaAccess.Write) && !identity.Writable))
            {
                Release(file);
                return Errno.EINVAL;
            }
        }

        range = new DmaRange(address, size, access, file, fileOffset);
        _lock.EnterWriteLock();
        try
        {
            Insert(place, range);
        }
        finally
        {
            _lock.ExitWriteLock();
        }

        return Errno.None;
    }

    /// <summary>The range that is exactly [<paramref name="address"/>, <paramref name="address"/> +
    /// <paramref name="size"/>), or null. For the thread that serves the client.</summary>
    public DmaRange? Find(ulong address, ulong size)
    {
        int place = UpperBound(address) - 1;
        return place >= 0 && _addresses[place] == address && _ranges[place].Size == size ? _ranges[place] : null;
    }

    /// <summary>Every range, in the order of addresses. For the thread that serves the client.</summary>
    public ReadOnlySpan<DmaRange> Ranges => _ranges.AsSpan(0, _count);

    /// <summary>Removes a range that <see cref="Find"/> gave, waiting for accesses that are under way.</summary>
    public void Unmap(DmaRange range)
    {
        _lock.EnterWriteLock();
        try
        {
            int place = UpperBound(range.Address) - 1;
            _count--;
            Array.Copy(_addresses, place + 1, _addresses, place, _count - place);
            Array.Copy(_ranges, place + 1, _ranges, place, _count - place);
            _ranges[_count] = null!;
        }
        finally
        {
            _lock.ExitWriteLock();
        }

        Release(range.File);
    }

    /// <summary>Removes every range, waiting for accesses that are under way.</summary>
    public void UnmapAll()
    {
        DmaRange[] removed;
        _lock.EnterWriteLock();
        try
        {
            removed = Ranges.ToArray();
            _addresses = new ulong[16];
            _ranges = new DmaRange[16];
            _count = 0;
        }
        finally
        {
            _lock.ExitWriteLock();
        }

        foreach (DmaRange range in removed)
        {
            Release(range.File);
        }
    }

    /// <summary>Reads guest memory; the bytes may lie in several adjacent ranges.</summary>
    /// <param name="address">First bus address.</param>
    /// <param name="destination">Where the bytes go; where the result is an error its contents are undefined.</param>
    /// <returns>
    /// <see cref="Errno.EFAULT"/> where the guest has no memory there, <see cref="Errno.EACCES"/> where the device
    /// may not read it, <see cref="Errno.EPERM"/> while suspended, or what went wrong on the way to it.
    /// </returns>
    public Errno Read(ulong address, Span<byte> destination)
    {
        if (Wraps(address, destination.Length))
        {
            return Errno.EFAULT;
        }

        while (!destination.IsEmpty)
        {
            int length;
            SharedFile? file;
            Errno result;
            _lock.EnterReadLock();
            try
            {
                result = Lookup(address, destination.Length, DmaAccess.Read, out file, out ulong offset, out length);
                if (result == Errno.None && file is not null)
                {
                    result = file.Read(offset, destination[..length]);
                }
            }
            finally
            {
                _lock.ExitReadLock();
            }

            if (result == Errno.None && file is null)
            {
                // Not under the lock: the client may unmap, and wait for the lock here, before it answers.
                result = _messenger.DmaRead(address, destination[..length]);
            }

            if (result != Errno.None)
            {
                return result;
            }

            destination = destination[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    /// <summary>Writes guest memory; the bytes may lie in several adjacent ranges.</summary>
    /// <param name="address">First bus address.</param>
    /// <param name="source">What to write; where the result is an error part of it may have been written.</param>
    /// <returns>As for <see cref="Read"/>.</returns>
    public Errno Write(ulong address, ReadOnlySpan<byte> source)
    {
        if (Wraps(address, source.Length))
        {
            return Errno.EFAULT;
        }

        while (!source.IsEmpty)
        {
            int length;
            SharedFile? file;
            Errno result;
            _lock.EnterReadLock();
            try
            {
                result = Lookup(address, source.Length, DmaAccess.Write, out file, out ulong offset, out length);
                if (result == Errno.None && file is not null)
                {
                    result = file.Write(offset, source[..length]);
                }
            }
            finally
            {
                _lock.ExitReadLock();
            }

            if (result == Errno.None && file is null)
            {
                // Not under the lock: the client may unmap, and wait for the lock here, before it answers.
                result = _messenger.DmaWrite(address, source[..length]);
            }

            if (result != Errno.None)
            {
                return result;
            }

            source = source[length..];
            address += (ulong)length;
        }

        return Errno.None;
    }

    /// <summary>Whether an access to an address range waits for the client: part of it is memory that it does not share.</summary>
    public bool WaitsForClient(ulong address, int length)
    {
        _lock.EnterReadLock();
        try
        {
            int place = UpperBound(address) - 1;
            if (place < 0 || address - _addresses[place] >= _ranges[place].Size)
            {
                place++;
            }

            for (; place < _count && (_addresses[place] <= address || _addresses[place] - address < (ulong)length); place++)
            {
                if (_ranges[place].File is null)
                {
                    return true;
                }
            }

            return false;
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <summary>Removes every range. Threads that still ask find no memory, so the lock is not disposed.</summary>
    public void Dispose() => UnmapAll();

    private static bool Wraps(ulong address, int length) => length > 0 && address + (ulong)(length - 1) < address;

    /// <summary>Finds what holds <paramref name="address"/> and how many of <paramref name="wanted"/> bytes.</summary>
    private Errno Lookup(
        ulong address, int wanted, DmaAccess access, out SharedFile? file, out ulong fileOffset, out int length)
    {
        int place = _lastHit;
        if (place >= _count || address - _addresses[place] >= _ranges[place].Size)
        {
            place = UpperBound(address) - 1;
            if (place < 0 || address - _addresses[place] >= _ranges[place].Size)
            {
                file = null;
                fileOffset = 0;
                length = 0;
                return Errno.EFAULT;
            }

            _lastHit = place;
        }

        if (_isSuspended)
        {
            file = null;
            fileOffset = 0;
            length = 0;
            return Errno.EPERM;
        }

        DmaRange range = _ranges[place];
        ulong inside = address - range.Address;
        file = range.File;
        fileOffset = range.FileOffset + inside;
        length = (int)Math.Min((ulong)wanted, range.Size - inside);

        // Not HasFlag(), which allocates where code is not optimised.
        return (range.Access & access) != 0 ? Errno.None : Errno.EACCES;
    }

    /// <summary>The index of the first range that starts above <paramref name="address"/>.</summary>
    private int UpperBound(ulong address)
    {
        int low = 0;
        int high = _count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_addresses[middle] <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private void Insert(int place, DmaRange range)
    {
        if (_count == _addresses.Length)
        {
            Array.Resize(ref _addresses, _count * 2);
            Array.Resize(ref _ranges, _count * 2);
        }

        Array.Copy(_addresses, place, _addresses, place + 1, _count - place);
        Array.Copy(_ranges, place, _ranges, place + 1, _count - place);
        _addresses[place] = range.Address;
        _ranges[place] = range;
        _count++;
    }

    private SharedFile Share(FileDescriptor descriptor, FileIdentity identity, ulong length)
    {
        // A file that has grown since it was opened here is opened again, at its new length.
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
        if (file is not null && file.Release() && _files.TryGetValue(file.Identity, out SharedFile? known) && known == file)
        {
            _files.Remove(file.Identity);
        }
    }
}
