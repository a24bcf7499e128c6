namespace EpfTest.EpcDevice.Registers;

/// <summary>How many of each resource the controller has, and the sizes of its BARs in bytes.</summary>
internal static class EpcLimits
{
    /// <summary>BAR0.</summary>
    public const int RegistersSize = 2 << 20;

    /// <summary>BAR2, the outbound window.</summary>
    public const ulong WindowSize = 1UL << 30;

    /// <summary>BAR4, the MSI-X table and pending bits.</summary>
    public const int MsixSize = 4 << 10;

    /// <summary>Function blocks; each is the physical function of its number.</summary>
    public const int Functions = 8;

    public const int Outbounds = 256;

    /// <summary>Inbound translations of one BAR.</summary>
    public const int Inbounds = 64;

    public const int DmaChannels = 16;
}
