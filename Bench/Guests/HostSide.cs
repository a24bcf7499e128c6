using System.Numerics;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Bench.Guests;

/// <summary>The host guest: places a function's BAR 0, enables it, and takes one MSI-X vector.</summary>
internal sealed class HostSide : DeviceClient
{
    private const uint BarAddress = 0xe000_0000;
    private const ushort MemoryAndMaster = 0x6;
    private const byte MsixCapability = 0x11;
    private const ushort MsixEnable = 0x8000;
    private const byte PciExpressCapability = 0x10;
    private const int ExtendedTagFieldEnable = 0x100;

    public HostSide(string path)
        : base(path)
    {
        // As QEMU does when it connects.
        Read(ConfigRegion, 0, PciRegister.SpaceSize);
        WriteConfig(0x10, BarAddress);
        WriteConfig16(0x04, MemoryAndMaster);
        SetEventFd(RawIrq.Msix, 0, Signal);
        WriteConfig16(FindCapability(MsixCapability) + 2, MsixEnable);
    }

    public EventFd Signal { get; } = EventFd.Create();

    /// <summary>Sets Max_Payload_Size and Max_Read_Request_Size, and allows 8-bit tags as Linux does.</summary>
    /// <param name="payload">Bytes, 128 to 4096.</param>
    /// <param name="readRequest">Bytes, 128 to 4096.</param>
    public void SetTransferSizes(int payload, int readRequest) => WriteConfig16(
        FindCapability(PciExpressCapability) + 8,
        (ushort)(BitOperations.Log2((uint)payload / 128) << 5
            | ExtendedTagFieldEnable
            | BitOperations.Log2((uint)readRequest / 128) << 12));

    public override void Dispose()
    {
        base.Dispose();
        Signal.Dispose();
    }
}
