using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Memory;

/// <summary>
/// The guest memory that a device may reach by DMA: ranges of bus addresses, sorted, none overlapping another.
/// </summary>
/// <remarks>
/// <see cref="Map"/>, <see cref="Unmap"/> and <see cref="UnmapAll"/> belong to the thread that serves the client;
/// <see cref="Read"/>, <see cref="Write"/> and <see cref="Lease"/> may be called by any thread, and never wait for those.
/// Once an unmap has returned no access through the old range is under way any more.
/// </remarks>
internal sealed class DmaTable : IDisposable
{
    /// <summary>The most ranges at a time: the specification's default for max_dma_maps.</summary>
    public const int MaxRanges = 65535;

    private readonly IDmaMessenger _messenger;
    private readonly Dictionary<FileIdentity, SharedFile> _files = [];
    private readonly AccessGate _gate = new();
    private volatile RangeMap _map = RangeMap.Empty;
    private volatile bool _isSuspended;

    /// <summary>An empty table.</summary>
    /// <param name="messenger">Reaches ranges for which the client passed no descriptor.</param>
    public DmaTable(IDmaMessenger messenger) => _messenger = messenger;

    /// <summary>How many ranges there are.</summary>
    public int Count => _map.Count;

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
            _isSuspended = value;
            _gate.Drain();
        }
    }

    /// <summary>Adds a range.</summary>
    /// <param name="address">First bus address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="access">What the device may do.</param>
    /// <param name="descriptor">The file that holds the memory, owned by this call, or null.</param>
    /// <param name="fileOffset">Where the range starts in it, in bytes.</param>
    /// <param name="mayMap">False to use system calls only.</param>
    /// <param name="range">The new range, if there is no error.</param>
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
        _map = map.Add(range);
        return Errno.None;
    }

    /// <summary>The range that is exactly [<paramref name="address"/>, <paramref name="address"/> +
    /// <paramref name="size"/>), or null.</summary>
    public DmaRange? Find(ulong address, ulong size) =>
        _map.Find(address) is { } range && range.Address == address && range.Size == size ? range : null;

    /// <summary>What there is now.</summary>
    public RangeMap Ranges => _map;

    /// <summary>Removes a range that <see cref="Find"/> gave, waiting for accesses that are under way.</summary>
    public void Unmap(DmaRange range)
    {
        _map = _map.Remove(range);
        _gate.Drain();
        Release(range.File);
    }

    /// <summary>Removes every range, waiting for accesses that are under way.</summary>
    public void UnmapAll()
    {
        RangeMap removed = _map;
        _map = RangeMap.Empty;
        _gate.Drain();
        foreach (DmaRange range in removed.ToArray())
        {
            Release(range.File);
        }
    }

    /// <summary>Lends guest memory that is mapped here, from an address on.</summary>
    /// <param name="address">First bus address.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">What is to be done with them.</param>
    /// <returns>As many bytes as one range has there; none where <see cref="Read"/> or <see cref="Write"/> would fail,
    /// or would reach the memory by other means.</returns>
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
            int turn = _gate.Enter();
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
                _gate.Leave(turn);
            }

            if (result == Errno.None && file is null)
            {
                // Not inside the gate: the client may unmap, and we wait for the gate then, before it answers.
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
            int turn = _gate.Enter();
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
                _gate.Leave(turn);
            }

            if (result == Errno.None && file is null)
            {
                // Not inside the gate: the client may unmap, and we wait for the gate then, before it answers.
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
        RangeMap map = _map;
        ulong last = address + (ulong)Math.Max(length - 1, 0);
        for (DmaRange? next = map.FirstIn(address, last); next is { } range; next = map.FirstIn(address, last, range))
        {
            if (range.File is null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Removes every range. Threads that still ask find no memory.</summary>
    public void Dispose() => UnmapAll();

    private static bool Wraps(ulong address, int length) => length > 0 && address + (ulong)(length - 1) < address;

    /// <summary>Finds what holds <paramref name="address"/> and how many of <paramref name="wanted"/> bytes. Inside the
    /// gate, which keeps what was found.</summary>
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

        // Not HasFlag(), which allocates where code is not optimised.
        return (range.Access & access) != 0 ? Errno.None : Errno.EACCES;
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
