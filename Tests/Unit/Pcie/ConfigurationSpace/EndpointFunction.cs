using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

/// <summary>A function with every capability; where each lands is worked out by hand here.</summary>
internal static class EndpointFunction
{
    public const int Pm = 0x40;
    public const int Pmcsr = Pm + 4;
    public const int Msi = 0x48;
    public const int Msix = 0x60;
    public const int Express = 0x6C;
    public const int DeviceControl = Express + 8;
    public const int DeviceStatus = Express + 10;
    public const int Aer = 0x100;
    public const int SerialNumber = 0x148;

    public static ConfigSpaceHeader Header { get; } = new()
    {
        VendorId = 0x104C,
        DeviceId = 0xB500,
        RevisionId = 0x02,
        BaseClass = 0x01,
        SubClass = 0x08,
        ProgrammingInterface = 0x02,
        SubsystemVendorId = 0x1AF4,
        SubsystemId = 0x1100,
        InterruptPin = InterruptPin.IntA,
    };

    public static ConfigSpace Create(int msiVectors = 32)
    {
        var space = new ConfigSpace(Header);
        space.AddBar(0, new BarSpec(BarKind.Memory64, 1UL << 30, Prefetchable: true));
        space.AddBar(2, new BarSpec(BarKind.Memory32, 0x1_0000));
        space.AddBar(3, new BarSpec(BarKind.Io, 0x100));
        space.AddPowerManagement();
        space.AddMsi(msiVectors);
        space.AddMsix(new MsixLayout(2048, 2, 0x1000, 2, 0x9000));
        space.AddPciExpress();
        space.AddAdvancedErrorReporting();
        space.AddDeviceSerialNumber(0x0011_2233_4455_6677);
        return space;
    }

    public static void WriteWord(this ConfigSpace space, int offset, int value) =>
        space.Write(offset, [(byte)value, (byte)(value >> 8)]);

    public static void WriteDword(this ConfigSpace space, int offset, uint value) =>
        space.WriteDword(offset, value, 0xF);

    public static ushort ReadWord(this ConfigSpace space, int offset)
    {
        Span<byte> bytes = stackalloc byte[2];
        space.Read(offset, bytes);
        return BitConverter.ToUInt16(bytes);
    }

    public static byte[] ReadAll(this ConfigSpace space)
    {
        byte[] all = new byte[4096];
        space.Read(0, all);
        return all;
    }

    public static byte[] ReadBytes(this ConfigSpace space, int offset, int length)
    {
        byte[] bytes = new byte[length];
        space.Read(offset, bytes);
        return bytes;
    }
}
