namespace EpfTest.Protocol.GuestMemory;

/// <summary>
/// Ranges of bus addresses that do not overlap, in the order of addresses. Immutable, for any thread; a change makes
/// another map, which shares all but one leaf with this one.
/// </summary>
/// <remarks>
/// Two levels: the first addresses of the leaves, and leaves of at most <see cref="LeafSize"/> ranges each. A change among
/// 65,535 ranges copies some 16 KiB, a search reads three or four cache lines that are not among the nearest.
/// </remarks>
public sealed class RangeMap
{
    private const int LeafSize = 64;

    /// <summary>No range.</summary>
    public static readonly RangeMap Empty = new([], [], 0);

    // Parallel: a search touches the addresses only.
    private readonly ulong[] _firsts;
    private readonly Leaf[] _leaves;

    // Part of the map, so that it never leads to a range that is gone.
    private DmaRange? _lastHit;

    private RangeMap(ulong[] firsts, Leaf[] leaves, int count)
    {
        _firsts = firsts;
        _leaves = leaves;
        Count = count;
    }

    /// <summary>How many ranges there are.</summary>
    public int Count { get; }

    /// <summary>The range that holds an address, or null.</summary>
    public DmaRange? Find(ulong address)
    {
        if (_lastHit is { } last && address - last.Address < last.Size)
        {
            return last;
        }

        return AtOrBelow(address) is { } range && address - range.Address < range.Size ? _lastHit = range : null;
    }

    /// <summary>The last range that starts at or below an address, or null.</summary>
    public DmaRange? AtOrBelow(ulong address)
    {
        int above = AddressSearch.UpperBound(_firsts, address);
        if (above == 0)
        {
            return null;
        }

        Leaf leaf = _leaves[above - 1];
        return leaf.Ranges[AddressSearch.UpperBound(leaf.Addresses, address) - 1];
    }

    /// <summary>The first range that starts above an address, or null.</summary>
    public DmaRange? Above(ulong address)
    {
        int above = AddressSearch.UpperBound(_firsts, address);
        if (above > 0)
        {
            Leaf leaf = _leaves[above - 1];
            int inside = AddressSearch.UpperBound(leaf.Addresses, address);
            if (inside < leaf.Ranges.Length)
            {
                return leaf.Ranges[inside];
            }
        }

        return above < _leaves.Length ? _leaves[above].Ranges[0] : null;
    }

    /// <summary>The first range that has an address in common with [<paramref name="first"/>, <paramref name="last"/>]
    /// and starts above <paramref name="after"/>, if that is given; or null.</summary>
    public DmaRange? FirstIn(ulong first, ulong last, DmaRange? after = null)
    {
        DmaRange? range = after is null ? Find(first) ?? Above(first) : Above(after.Address);
        return range is not null && range.Address <= last ? range : null;
    }

    /// <summary>All ranges, in the order of addresses.</summary>
    public DmaRange[] ToArray() => [.. _leaves.SelectMany(static leaf => leaf.Ranges)];

    /// <summary>A map with one range more, which overlaps none.</summary>
    public RangeMap Add(DmaRange range)
    {
        if (Count == 0)
        {
            return new RangeMap([range.Address], [Leaf.Of([range])], 1);
        }

        int place = Math.Max(AddressSearch.UpperBound(_firsts, range.Address) - 1, 0);
        DmaRange[] old = _leaves[place].Ranges;
        int inside = AddressSearch.UpperBound(_leaves[place].Addresses, range.Address);
        DmaRange[] ranges = [.. old[..inside], range, .. old[inside..]];
        if (ranges.Length <= LeafSize)
        {
            return Replace(place, Count + 1, Leaf.Of(ranges));
        }

        // Addresses that only ever rise leave full leaves behind.
        int middle = place == _leaves.Length - 1 && inside == old.Length ? old.Length : ranges.Length / 2;
        return Replace(place, Count + 1, Leaf.Of(ranges[..middle]), Leaf.Of(ranges[middle..]));
    }

    /// <summary>A map without a range that is in this one.</summary>
    public RangeMap Remove(DmaRange range)
    {
        int place = AddressSearch.UpperBound(_firsts, range.Address) - 1;
        DmaRange[] old = _leaves[place].Ranges;
        int inside = AddressSearch.UpperBound(_leaves[place].Addresses, range.Address) - 1;
        DmaRange[] ranges = [.. old[..inside], .. old[(inside + 1)..]];
        return ranges.Length > 0 ? Replace(place, Count - 1, Leaf.Of(ranges)) : Replace(place, Count - 1);
    }

    private RangeMap Replace(int place, int count, params ReadOnlySpan<Leaf> leaves)
    {
        Leaf[] all = [.. _leaves.AsSpan(0, place), .. leaves, .. _leaves.AsSpan(place + 1)];
        ulong[] firsts = new ulong[all.Length];
        _firsts.AsSpan(0, place).CopyTo(firsts);
        for (int i = 0; i < leaves.Length; i++)
        {
            firsts[place + i] = leaves[i].Addresses[0];
        }

        _firsts.AsSpan(place + 1).CopyTo(firsts.AsSpan(place + leaves.Length));
        return new RangeMap(firsts, all, count);
    }

    private sealed record Leaf(ulong[] Addresses, DmaRange[] Ranges)
    {
        public static Leaf Of(DmaRange[] ranges) => new(Array.ConvertAll(ranges, static range => range.Address), ranges);
    }
}
