using EpfTest.Protocol.Memory;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>The translations of a window, sorted, none overlapping another. Immutable, for any thread.</summary>
internal sealed class OutboundMap
{
    public static readonly OutboundMap Empty = new([]);

    private readonly OutboundTranslation[] _entries;
    private readonly ulong[] _offsets;

    /// <summary>A map of translations that do not overlap.</summary>
    public OutboundMap(IEnumerable<OutboundTranslation> entries)
    {
        _entries = [.. entries.OrderBy(entry => entry.Offset)];
        _offsets = Array.ConvertAll(_entries, static entry => entry.Offset);
    }

    public ref readonly OutboundTranslation this[int index] => ref _entries[index];

    /// <summary>Finds the translation that an access starts in.</summary>
    /// <param name="offset">Window offset.</param>
    /// <param name="wanted">Bytes of the access.</param>
    /// <param name="index">Where to look first, any number; the index of the translation.</param>
    /// <param name="length">How many of the bytes are inside it or, without one, before the next.</param>
    public bool TryFind(ulong offset, int wanted, ref int index, out int length)
    {
        if ((uint)index >= (uint)_entries.Length || offset - _entries[index].Offset >= _entries[index].Size)
        {
            int above = AddressSearch.UpperBound(_offsets, offset);
            if (above == 0 || offset - _entries[above - 1].Offset >= _entries[above - 1].Size)
            {
                ulong gap = above < _entries.Length ? _entries[above].Offset - offset : ulong.MaxValue;
                length = (int)Math.Min((ulong)wanted, gap);
                return false;
            }

            index = above - 1;
        }

        length = (int)Math.Min((ulong)wanted, _entries[index].Size - (offset - _entries[index].Offset));
        return true;
    }
}
