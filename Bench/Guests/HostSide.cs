using EpfTest.Protocol.Linux;

namespace EpfTest.Bench.Guests;

/// <summary>The host guest: places a function's BAR 0, enables it, and takes one MSI-X vector.</summary>
internal sealed class HostSide : DeviceClient
{
    private const uint BarAddress = 0xe000_0000;
    private const ushort MemoryAndMaster = 0x6;
    private const byte MsixCapability = 0x11;
    private const ushort MsixEnable = 0x8000;
    private const byte PciExpressCapability = 0x10;

    // Device Control: requests and payloads of at most 512 bytes.
    private const ushort Sizes512 = 0x2040;

    public HostSide(string path)
        : base(path)
    {
        ReadConfiguration();
        WriteConfig(0x10, BarAddress);
        WriteConfig(0x04, MemoryAndMaster);
        WriteConfig(FindCapability(PciExpressCapability) + 8, Sizes512);
        SetMsixSignal(0, Signal);
        WriteConfig(FindCapability(MsixCapability) + 2, MsixEnable);
    }

    /// <summary>The first MSI-X vector.</summary>
    public EventFd Signal { get; } = EventFd.Create();

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        Signal.Dispose();
    }
}
