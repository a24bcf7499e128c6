namespace EpfTest.EpcDevice.Registers;

/// <summary>A pair of status and mask registers that an interrupt vector reports.</summary>
/// <remarks>
/// The interrupt is an edge. It fires when an unmasked bit appears, and after a write that leaves one set: a driver
/// that clears only what it has read is interrupted again for bits that appeared in between.
/// </remarks>
internal struct EventBits
{
    public EventBits()
    {
    }

    /// <summary>What has happened; the driver clears a bit by writing 1 to it.</summary>
    public uint Status { get; private set; }

    /// <summary>The bits that do not interrupt.</summary>
    public uint Mask { get; set; } = uint.MaxValue;

    /// <summary>Whether there is an unmasked bit.</summary>
    public readonly bool Pending => (Status & ~Mask) != 0;

    /// <summary>Sets bits.</summary>
    /// <returns>Whether an unmasked bit has appeared.</returns>
    public bool Raise(uint bits)
    {
        uint appeared = bits & ~Status;
        Status |= bits;
        return (appeared & ~Mask) != 0;
    }

    public void Clear(uint bits) => Status &= ~bits;
}
