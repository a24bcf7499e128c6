using EpfTest.Protocol.Memory;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>The outbound translations, sorted and apart. Immutable, for any thread.</summary>
internal sealed class OutboundMap
{
    /// <summary>No translation.</summary>
    public static readonly OutboundMap Empty = new([]);

    private readonly OutboundTranslation[] _entries;
    private readonly ulong[] _offsets;

    /// <summary>A map of translations that do not overlap.</summary>
    public OutboundMap(IEnumerable<OutboundTranslation> entries)
    {
        _entries = [.. entries.OrderBy(entry => entry.Offset)];
        _offsets = Array.ConvertAll(_entries, static entry => entry.Offset);
    }

    /// <summary>Finds the translation that an access starts in.</summary>
    /// <param name="offset">Bytes from the start of BAR2.</param>
    /// <param name="wanted">Bytes of the access.</param>
    /// <param name="hint">Where the last one was found, to look there first; any number is fine.</param>
    /// <param name="entry">The translation.</param>
    /// <param name="length">How many of the bytes are inside it or, where there is none, before the next one.</param>
    public bool TryFind(ulong offset, int wanted, ref int hint, out OutboundTranslation entry, out int length)
    {
        if ((uint)hint >= (uint)_entries.Length || offset - _entries[hint].Offset >= _entries[hint].Size)
        {
            int above = AddressSearch.UpperBound(_offsets, offset);
            if (above == 0 || offset - _entries[above - 1].Offset >= _entries[above - 1].Size)
            {
                ulong gap = above < _entries.Length ? _entries[above].Offset - offset : ulong.MaxValue;
                entry = default;
                length = (int)Math.Min((ulong)wanted, gap);
                return false;
            }

            hint = above - 1;
        }

        entry = _entries[hint];
        length = (int)Math.Min((ulong)wanted, entry.Size - (offset - entry.Offset));
        return true;
    }
}
