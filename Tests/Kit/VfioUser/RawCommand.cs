namespace EpfTest.Kit.VfioUser;

/// <summary>The command numbers, taken from the specification a second time so that a slip in one copy shows.</summary>
internal static class RawCommand
{
    public const ushort Version = 1;
    public const ushort DmaMap = 2;
    public const ushort DmaUnmap = 3;
    public const ushort GetInfo = 4;
    public const ushort GetRegionInfo = 5;
    public const ushort GetIrqInfo = 7;
    public const ushort SetIrqs = 8;
    public const ushort RegionRead = 9;
    public const ushort RegionWrite = 10;
    public const ushort DmaRead = 11;
    public const ushort DmaWrite = 12;
    public const ushort Reset = 13;
    public const ushort RegionWriteMulti = 15;
}
