using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Memory;

namespace EpfTest.EpcDevice.Functions;

/// <summary>The inbound translations of one BAR, sorted, none overlapping. Immutable, for any thread.</summary>
internal sealed class InboundMap
{
    private readonly InboundTranslation[] _entries;
    private readonly ulong[] _offsets;
    private int _lastHit;

    private InboundMap(InboundTranslation[] entries)
    {
        _entries = entries;
        _offsets = Array.ConvertAll(entries, static entry => entry.Offset);
    }

    /// <summary>In the order of offsets.</summary>
    public ReadOnlySpan<InboundTranslation> Entries => _entries;

    /// <summary>Checks and sorts translations.</summary>
    /// <param name="entries">In any order; the map keeps the array.</param>
    /// <param name="barSize">Bytes.</param>
    /// <param name="map">The map if the result is <see cref="CommitResult.Ok"/>.</param>
    public static CommitResult Create(InboundTranslation[] entries, ulong barSize, out InboundMap? map)
    {
        map = null;
        Array.Sort(entries, static (a, b) => a.Offset.CompareTo(b.Offset));
        ulong end = 0;
        foreach (InboundTranslation entry in entries)
        {
            if (entry.Size == 0
                || entry.Offset >= barSize
                || entry.Size > barSize - entry.Offset
                || entry.Target + (entry.Size - 1) < entry.Target)
            {
                return CommitResult.Invalid;
            }

            if (entry.Offset < end)
            {
                return CommitResult.Overlap;
            }

            end = entry.Offset + entry.Size;
        }

        map = new InboundMap(entries);
        return CommitResult.Ok;
    }

    /// <summary>Whether two maps have the same translations.</summary>
    public static bool AreEqual(InboundMap? one, InboundMap? other) =>
        one is null || other is null ? one == other : one.Entries.SequenceEqual(other.Entries);

    /// <summary>Translates the first part of an access.</summary>
    /// <param name="offset">Bytes from the start of the BAR.</param>
    /// <param name="wanted">Bytes of the access.</param>
    /// <param name="target">EP-local address.</param>
    /// <param name="length">For how many bytes the translation holds.</param>
    /// <returns>False if there is no translation.</returns>
    public bool TryTranslate(ulong offset, int wanted, out ulong target, out int length)
    {
        int place = _lastHit;
        if (place >= _entries.Length || offset - _entries[place].Offset >= _entries[place].Size)
        {
            place = Find(offset);
            if (place < 0)
            {
                target = 0;
                length = 0;
                return false;
            }

            _lastHit = place;
        }

        ref readonly InboundTranslation entry = ref _entries[place];
        ulong inside = offset - entry.Offset;
        target = entry.Target + inside;
        length = (int)Math.Min((ulong)wanted, entry.Size - inside);
        return true;
    }

    /// <summary>Whether the translations cover all of an access.</summary>
    public bool Covers(ulong offset, int length)
    {
        while (length > 0)
        {
            if (!TryTranslate(offset, length, out _, out int done))
            {
                return false;
            }

            offset += (ulong)done;
            length -= done;
        }

        return true;
    }

    /// <summary>Whether any translation leads into a range of EP-local addresses.</summary>
    public bool LeadsInto(ulong address, ulong size)
    {
        foreach (InboundTranslation entry in _entries)
        {
            if (address - entry.Target < entry.Size || entry.Target - address < size)
            {
                return true;
            }
        }

        return false;
    }

    private int Find(ulong offset)
    {
        int place = AddressSearch.UpperBound(_offsets, offset) - 1;
        return place >= 0 && offset - _entries[place].Offset < _entries[place].Size ? place : -1;
    }
}
