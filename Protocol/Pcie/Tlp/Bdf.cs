namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// The bus, device and function number that name a function (a Requester ID, a Completer ID or the target of an
/// ID-routed TLP); PCI Express Base Specification 5.0, section 2.2.4.2.
/// </summary>
/// <param name="Value">The 16 bits as they are in a header: bus 15:8, device 7:3, function 2:0.</param>
internal readonly record struct Bdf(ushort Value)
{
    private const int BusShift = 8;
    private const int DeviceShift = 3;
    private const int DeviceMask = 0x1F;
    private const int FunctionMask = 0x7;

    /// <summary>Makes an ID of a bus (0 to 255), device (0 to 31) and function (0 to 7) number.</summary>
    public Bdf(int bus, int device, int function)
        : this((ushort)((bus << BusShift) | ((device & DeviceMask) << DeviceShift) | (function & FunctionMask)))
    {
    }

    /// <summary>Bus number, 0 to 255.</summary>
    public int Bus => Value >> BusShift;

    /// <summary>Device number, 0 to 31.</summary>
    public int Device => (Value >> DeviceShift) & DeviceMask;

    /// <summary>Function number, 0 to 7.</summary>
    public int Function => Value & FunctionMask;

    /// <summary>As lspci prints it: bus:device.function.</summary>
    public override string ToString() => $"{Bus:x2}:{Device:x2}.{Function:x}";
}
