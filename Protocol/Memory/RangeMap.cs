namespace EpfTest.Protocol.Memory;

/// <summary>
/// Ranges that do not overlap, in the order of their addresses. Immutable, for any thread; a change creates another
/// map, which shares all but one leaf with this one.
/// </summary>
/// <remarks>
/// Two levels: the first addresses of the leaves, and leaves of at most <see cref="LeafSize"/> ranges each. A change
/// among 65,535 ranges copies some 16 KiB. A search reads one array of each kind, from cache lines that are seldom
/// near.
/// </remarks>
internal sealed class RangeMap
{
    private const int LeafSize = 64;

    /// <summary>No range.</summary>
    public static readonly RangeMap Empty = new([], [], [], 0);

    // Parallel: a search touches the addresses only.
    private readonly ulong[] _firsts;
    private readonly ulong[][] _addresses;
    private readonly DmaRange[][] _ranges;

    // The leaf of the last search's result and the place in it. Part of the map, so it never leads to a removed range.
    private long _lastHit;

    private RangeMap(ulong[] firsts, ulong[][] addresses, DmaRange[][] ranges, int count)
    {
        _firsts = firsts;
        _addresses = addresses;
        _ranges = ranges;
        Count = count;
    }

    /// <summary>How many ranges there are.</summary>
    public int Count { get; }

    /// <summary>The range that holds an address, or null.</summary>
    public DmaRange? Find(ulong address) => TryFind(address, out DmaRange range) ? range : null;

    /// <summary>Finds the range that holds an address.</summary>
    public bool TryFind(ulong address, out DmaRange range)
    {
        range = default;
        if (Count == 0)
        {
            return false;
        }

        long place = Volatile.Read(ref _lastHit);
        ref readonly DmaRange found = ref At(place);
        if (address - found.Address >= found.Size)
        {
            place = PlaceAtOrBelow(address);
            if (place < 0)
            {
                return false;
            }

            found = ref At(place);
            if (address - found.Address >= found.Size)
            {
                return false;
            }

            Volatile.Write(ref _lastHit, place);
        }

        range = found;
        return true;
    }

    /// <summary>The last range that starts at or below an address, or null.</summary>
    public DmaRange? AtOrBelow(ulong address) => PlaceAtOrBelow(address) is >= 0 and long place ? At(place) : null;

    /// <summary>The first range that starts above an address, or null.</summary>
    public DmaRange? Above(ulong address)
    {
        int above = AddressSearch.UpperBound(_firsts, address);
        if (above > 0)
        {
            int inside = AddressSearch.UpperBound(_addresses[above - 1], address);
            if (inside < _ranges[above - 1].Length)
            {
                return _ranges[above - 1][inside];
            }
        }

        return above < _ranges.Length ? _ranges[above][0] : null;
    }

    /// <summary>The first range that has an address in common with [<paramref name="first"/>, <paramref name="last"/>]
    /// and starts above <paramref name="after"/>, if that is given; or null.</summary>
    public DmaRange? FirstIn(ulong first, ulong last, DmaRange? after = null)
    {
        DmaRange? range = after is null ? Find(first) ?? Above(first) : Above(after.Value.Address);
        return range is { } found && found.Address <= last ? found : null;
    }

    /// <summary>All ranges inside [<paramref name="first"/>, <paramref name="last"/>].</summary>
    /// <returns>False if a range is only partly inside.</returns>
    public bool TryFindInside(ulong first, ulong last, out DmaRange[] inside)
    {
        List<DmaRange> found = [];
        for (DmaRange? next = FirstIn(first, last); next is { } range; next = FirstIn(first, last, range))
        {
            found.Add(range);
        }

        inside = [.. found];
        return inside is [] || (inside[0].Address >= first && inside[^1].Address + (inside[^1].Size - 1) <= last);
    }

    /// <summary>Whether any byte of an address range is private memory.</summary>
    public bool HasPrivate(ulong address, ulong length)
    {
        ulong last = address + Math.Max(length, 1) - 1;
        for (DmaRange? next = FirstIn(address, last); next is { } range; next = FirstIn(address, last, range))
        {
            if (range.File is null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>All ranges, in the order of addresses.</summary>
    public DmaRange[] ToArray() => [.. _ranges.SelectMany(static leaf => leaf)];

    /// <summary>A map with another range, which overlaps none.</summary>
    public RangeMap Add(DmaRange range)
    {
        if (Count == 0)
        {
            return new RangeMap([range.Address], [[range.Address]], [[range]], 1);
        }

        int place = Math.Max(AddressSearch.UpperBound(_firsts, range.Address) - 1, 0);
        DmaRange[] old = _ranges[place];
        int inside = AddressSearch.UpperBound(_addresses[place], range.Address);
        DmaRange[] ranges = [.. old[..inside], range, .. old[inside..]];
        if (ranges.Length <= LeafSize)
        {
            return Replace(place, Count + 1, ranges);
        }

        // Ascending addresses leave full leaves behind.
        int middle = place == _ranges.Length - 1 && inside == old.Length ? old.Length : ranges.Length / 2;
        return Replace(place, Count + 1, ranges[..middle], ranges[middle..]);
    }

    /// <summary>A map without a range that is in this one.</summary>
    public RangeMap Remove(DmaRange range)
    {
        int place = AddressSearch.UpperBound(_firsts, range.Address) - 1;
        DmaRange[] old = _ranges[place];
        int inside = AddressSearch.UpperBound(_addresses[place], range.Address) - 1;
        DmaRange[] ranges = [.. old[..inside], .. old[(inside + 1)..]];
        return ranges.Length > 0 ? Replace(place, Count - 1, ranges) : Replace(place, Count - 1);
    }

    private ref readonly DmaRange At(long place) => ref _ranges[place >>> 32][(int)place];

    private long PlaceAtOrBelow(ulong address)
    {
        int leaf = AddressSearch.UpperBound(_firsts, address) - 1;
        return leaf < 0 ? -1 : (long)leaf << 32 | (uint)(AddressSearch.UpperBound(_addresses[leaf], address) - 1);
    }

    private RangeMap Replace(int place, int count, params ReadOnlySpan<DmaRange[]> leaves)
    {
        ulong[][] addresses = new ulong[leaves.Length][];
        ulong[] firsts = new ulong[leaves.Length];
        for (int i = 0; i < leaves.Length; i++)
        {
            addresses[i] = Array.ConvertAll(leaves[i], static range => range.Address);
            firsts[i] = addresses[i][0];
        }

        return new RangeMap(
            Replace<ulong>(_firsts, place, firsts),
            Replace<ulong[]>(_addresses, place, addresses),
            Replace(_ranges, place, leaves),
            count);
    }

    private static T[] Replace<T>(T[] all, int place, ReadOnlySpan<T> with) =>
        [.. all.AsSpan(0, place), .. with, .. all.AsSpan(place + 1)];
}
