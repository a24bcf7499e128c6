namespace EpfTest.EpcDevice.Functions;

/// <summary>The memory writes that are MSIs of a function while it may send any. Immutable, for any thread.</summary>
/// <param name="Address">Host bus address.</param>
/// <param name="Data">The data for vector 0; the low bits carry the vector's number.</param>
/// <param name="Vectors">A power of two.</param>
internal sealed record MsiTarget(ulong Address, uint Data, int Vectors)
{
    /// <summary>Whether writing <paramref name="data"/> to <paramref name="address"/> sends a vector.</summary>
    public bool Matches(ulong address, uint data, out int vector)
    {
        uint number = (uint)Vectors - 1;
        vector = (int)(data & number);
        return address == Address && (data & ~number) == (Data & ~number);
    }
}
