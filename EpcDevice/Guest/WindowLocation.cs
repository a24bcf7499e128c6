namespace EpfTest.EpcDevice.Guest;

/// <summary>Where the EP guest's driver says that the mapped window is, in EP-local addresses.</summary>
internal sealed record WindowLocation(ulong Address, ulong Size)
{
    public bool Touches(ulong address, ulong length) => address - Address < Size || Address - address < length;
}
