namespace EpfTest.EpcDevice.Registers;

/// <summary>A pair of status and mask registers that an interrupt vector reports.</summary>
/// <remarks>
/// The interrupt is an edge. It comes when an unmasked bit appears and after a write that leaves one, so that a
/// driver which clears only what it has read is told of what came in between.
/// </remarks>
internal struct EventBits
{
    public EventBits()
    {
    }

    /// <summary>What has happened; the driver clears bits by writing 1.</summary>
    public uint Status { get; private set; }

    /// <summary>The bits that do not interrupt.</summary>
    public uint Mask { get; set; } = uint.MaxValue;

    /// <summary>Whether there is an unmasked bit.</summary>
    public readonly bool Pending => (Status & ~Mask) != 0;

    /// <summary>Sets bits.</summary>
    /// <returns>Whether an unmasked one has appeared.</returns>
    public bool Raise(uint bits)
    {
        uint appeared = bits & ~Status;
        Status |= bits;
        return (appeared & ~Mask) != 0;
    }

    /// <summary>The driver's write to the status register.</summary>
    public void Clear(uint bits) => Status &= ~bits;
}
