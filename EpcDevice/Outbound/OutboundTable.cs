using EpfTest.EpcDevice.Link;
using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Outbound;

/// <summary>The outbound translations that the EP guest has committed, and the result of each commit.</summary>
/// <remarks>
/// Only the thread that serves the EP guest commits and resets. A commit to the mapped window is completed by the
/// reconciler's thread, so a lock guards the entries. It is held for a few instructions; only the reconciler's lock is
/// taken under it.
/// </remarks>
internal sealed class OutboundTable(
    OutboundTranslations trapped, OutboundTranslations mapped, Reconciler reconciler, IHostLink host)
{
    private readonly Lock _lock = new();
    private readonly Entry[] _entries = new Entry[EpcLimits.Outbounds];
    private readonly Action<bool> _guestWaits = waiting => host.GuestWaits = waiting;

    /// <summary>Whether the mapped window has a translation, mapped or not.</summary>
    public bool HasMapped
    {
        get
        {
            lock (_lock)
            {
                return Array.Exists(_entries, static entry => entry is { IsMapped: true, Translation: not null });
            }
        }
    }

    /// <summary>A copy of an entry.</summary>
    public Entry this[int index]
    {
        get
        {
            lock (_lock)
            {
                return _entries[index];
            }
        }
    }

    /// <summary>The translations of the mapped window, with their numbers.</summary>
    public List<(int Index, OutboundTranslation Translation)> Mapped()
    {
        List<(int, OutboundTranslation)> found = [];
        lock (_lock)
        {
            for (int i = 0; i < _entries.Length; i++)
            {
                if (_entries[i] is { IsMapped: true, Translation: { } translation })
                {
                    found.Add((i, translation));
                }
            }
        }

        return found;
    }

    /// <summary>Whether a translation would overlap another entry of its window.</summary>
    public bool Overlaps(int index, OutboundTranslation staged, bool isMapped)
    {
        lock (_lock)
        {
            for (int i = 0; i < _entries.Length; i++)
            {
                if (i != index
                    && _entries[i].IsMapped == isMapped
                    && _entries[i].Translation is { } other
                    && staged.Overlaps(other))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Sets the result of a commit that changes nothing.</summary>
    public void Refuse(int index, CommitResult result)
    {
        lock (_lock)
        {
            _entries[index].Result = result;
        }
    }

    /// <summary>
    /// Sets or clears (null) a translation that has been checked. On return no access uses the old one; the new one is
    /// used at once in the trapped window, and in the mapped one when the result is no longer PENDING.
    /// </summary>
    public void Set(int index, OutboundTranslation? translation, bool isMapped)
    {
        lock (_lock)
        {
            ref Entry entry = ref _entries[index];
            entry.Result = CommitResult.Ok;
            if (entry.Translation == translation)
            {
                return;
            }

            entry.Translation = translation;
            entry.IsMapped = isMapped;
            if (isMapped)
            {
                entry.Result = CommitResult.Pending;
                entry.Request = reconciler.Request();
            }

            Publish(isMapped);
        }

        (isMapped ? mapped : trapped).Drain(_guestWaits);
    }

    /// <summary>Completes the commits that a reconciliation has covered.</summary>
    /// <param name="request">The last request that it covers.</param>
    /// <param name="settled">Whether QEMU has answered.</param>
    /// <param name="failed">Entries that could not be mapped; they are cleared.</param>
    public void Complete(long request, bool settled, HashSet<int> failed)
    {
        lock (_lock)
        {
            for (int i = 0; i < _entries.Length; i++)
            {
                ref Entry entry = ref _entries[i];
                if (entry.Result != CommitResult.Pending || entry.Request > request)
                {
                    continue;
                }

                entry.Result = CommitResult.Ok;
                if (entry.Translation is null)
                {
                    // Without an answer, what should be unmapped is still there.
                    entry.Result = settled ? CommitResult.Ok : CommitResult.Busy;
                }
                else if (failed.Contains(i))
                {
                    entry.Result = CommitResult.NotMappable;
                    entry.Translation = null;
                }
            }

            Publish(isMapped: true);
        }
    }

    /// <summary>Clears every entry. On return no access uses one.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            Array.Clear(_entries);
            Publish(isMapped: false);
            Publish(isMapped: true);
        }

        trapped.Drain(_guestWaits);
        mapped.Drain(_guestWaits);
    }

    /// <summary>Publishes what is committed and not under way. The lock is held.</summary>
    private void Publish(bool isMapped) => (isMapped ? mapped : trapped).Replace(new OutboundMap(
        _entries
            .Where(entry => entry.IsMapped == isMapped && entry.Result != CommitResult.Pending)
            .Select(static entry => entry.Translation)
            .OfType<OutboundTranslation>()));

    /// <summary>An entry of the table.</summary>
    internal struct Entry
    {
        public OutboundTranslation? Translation;
        public bool IsMapped;
        public CommitResult Result;
        public long Request;
    }
}
