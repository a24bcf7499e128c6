namespace EpfTest.EpcDevice.Registers;

/// <summary>How much of everything there is, as the global registers tell the driver.</summary>
internal static class EpcLimits
{
    /// <summary>BAR0, the registers, in bytes.</summary>
    public const int RegistersSize = 2 << 20;

    /// <summary>BAR2, the outbound window, in bytes.</summary>
    public const ulong WindowSize = 1UL << 30;

    /// <summary>BAR4, MSI-X table and pending bits, in bytes.</summary>
    public const int MsixSize = 4 << 10;

    /// <summary>Function blocks, each a physical function of its block's number.</summary>
    public const int Functions = 8;

    /// <summary>Outbound translations.</summary>
    public const int Outbounds = 256;

    /// <summary>Inbound translations of one BAR.</summary>
    public const int Inbounds = 64;

    /// <summary>DMA channels.</summary>
    public const int DmaChannels = 16;
}
