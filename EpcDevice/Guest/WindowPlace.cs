namespace EpfTest.EpcDevice.Guest;

/// <summary>Where the mapped window is on the EP guest's bus, as its driver has said.</summary>
/// <param name="Address">The first bus address.</param>
/// <param name="Size">Bytes.</param>
internal sealed record WindowPlace(ulong Address, ulong Size)
{
    /// <summary>Whether an access touches it.</summary>
    public bool Touches(ulong address, ulong length) => address - Address < Size || Address - address < length;
}
