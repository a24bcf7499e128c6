using System.Numerics;

namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// The tags of one requester; PCI Express Base Specification 5.0, section 2.2.6.2. Any thread may call any member:
/// the state is a bit for each tag, changed by interlocked operations, without a lock.
/// </summary>
/// <remarks>
/// Tags are handed out in rotation, so that a tag released after a completion timeout is used again as late as
/// possible, and a completion that comes too late is unlikely to meet a new request.
/// </remarks>
internal sealed class TagPool
{
    private const int WordBits = 64;

    private readonly int _first;
    private readonly ulong[] _inUse;
    private uint _next;

    /// <summary>Makes a pool with all tags free.</summary>
    /// <param name="width">Which tags.</param>
    public TagPool(TagWidth width = TagWidth.Bits8)
    {
        (_first, Capacity) = width switch
        {
            TagWidth.Bits5 => (0, 32),
            TagWidth.Bits8 => (0, 256),
            TagWidth.Bits10 => (256, 768),
            _ => throw new ArgumentOutOfRangeException(nameof(width)),
        };
        _inUse = new ulong[(Capacity + WordBits - 1) / WordBits];
        if (Capacity % WordBits != 0)
        {
            _inUse[^1] = ulong.MaxValue << (Capacity % WordBits);
        }
    }

    /// <summary>How many tags there are.</summary>
    public int Capacity { get; }

    /// <summary>Takes a free tag. That there is none is a normal result: wait for a completion.</summary>
    /// <param name="tag">The tag.</param>
    public bool TryAllocate(out int tag)
    {
        int start = (int)((Interlocked.Increment(ref _next) - 1) % (uint)Capacity);
        int word = start / WordBits;
        if (TryAllocateIn(word, ulong.MaxValue << (start % WordBits), out tag))
        {
            return true;
        }

        for (int i = 1; i <= _inUse.Length; i++)
        {
            if (TryAllocateIn((word + i) % _inUse.Length, ulong.MaxValue, out tag))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Gives a tag back.</summary>
    /// <param name="tag">A tag in use.</param>
    /// <exception cref="InvalidOperationException">The tag is not in use.</exception>
    public void Release(int tag)
    {
        int index = tag - _first;
        ArgumentOutOfRangeException.ThrowIfNegative(index, nameof(tag));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Capacity, nameof(tag));
        ulong bit = 1UL << (index % WordBits);
        if ((Interlocked.And(ref _inUse[index / WordBits], ~bit) & bit) == 0)
        {
            throw new InvalidOperationException($"Tag {tag} is not in use.");
        }
    }

    /// <summary>Whether a tag, of any value, is in use: a completion for one that is not is unexpected.</summary>
    public bool IsInUse(int tag)
    {
        int index = tag - _first;
        return (uint)index < (uint)Capacity
            && (Volatile.Read(ref _inUse[index / WordBits]) >> (index % WordBits) & 1) != 0;
    }

    private bool TryAllocateIn(int word, ulong candidates, out int tag)
    {
        ulong free;
        while ((free = ~Volatile.Read(ref _inUse[word]) & candidates) != 0)
        {
            int bit = BitOperations.TrailingZeroCount(free);
            if ((Interlocked.Or(ref _inUse[word], 1UL << bit) >> bit & 1) == 0)
            {
                tag = _first + (word * WordBits) + bit;
                return true;
            }
        }

        tag = 0;
        return false;
    }
}
