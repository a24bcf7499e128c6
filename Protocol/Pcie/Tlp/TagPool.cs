using System.Numerics;

namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// The tags of one requester (section 2.2.6.2): 8 bits wide, or 5 for a function whose Extended Tag Field Enable is
/// clear. Any thread may call any member; there is a bit for each tag, changed by interlocked operations.
/// </summary>
/// <remarks>
/// Tags are handed out in rotation: a released tag is used again as late as possible, so a completion that arrives
/// after its timeout is unlikely to meet a new request.
/// </remarks>
internal sealed class TagPool
{
    /// <summary>How many 8-bit tags there are.</summary>
    public const int Capacity = 256;

    /// <summary>How many 5-bit tags there are.</summary>
    public const int ShortCapacity = 32;

    private const int WordBits = 64;

    private readonly ulong[] _inUse = new ulong[Capacity / WordBits];
    private uint _next;

    /// <summary>Takes a free tag. If there is none, wait for a completion.</summary>
    public bool TryAllocate(out int tag, bool isExtended = true)
    {
        uint next = Interlocked.Increment(ref _next) - 1;
        if (!isExtended)
        {
            ulong later = uint.MaxValue & (ulong.MaxValue << (int)(next % ShortCapacity));
            return TryAllocateIn(0, later, out tag) || TryAllocateIn(0, uint.MaxValue, out tag);
        }

        int start = (int)(next % Capacity);
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

    /// <summary>Gives a tag back that is in use.</summary>
    public void Release(int tag)
    {
        ulong bit = 1UL << (tag % WordBits);
        if ((Interlocked.And(ref _inUse[tag / WordBits], ~bit) & bit) == 0)
        {
            throw new InvalidOperationException($"tag {tag} is not in use");
        }
    }

    /// <summary>Whether a tag, of any value, is in use: a completion for one that is not is unexpected.</summary>
    public bool IsInUse(int tag) =>
        (uint)tag < Capacity && (Volatile.Read(ref _inUse[tag / WordBits]) >> (tag % WordBits) & 1) != 0;

    private bool TryAllocateIn(int word, ulong candidates, out int tag)
    {
        ulong free;
        while ((free = ~Volatile.Read(ref _inUse[word]) & candidates) != 0)
        {
            int bit = BitOperations.TrailingZeroCount(free);
            if ((Interlocked.Or(ref _inUse[word], 1UL << bit) >> bit & 1) == 0)
            {
                tag = (word * WordBits) + bit;
                return true;
            }
        }

        tag = 0;
        return false;
    }
}
