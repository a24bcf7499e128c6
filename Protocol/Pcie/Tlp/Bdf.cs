namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Bus, device and function number of a function: a Requester ID, a Completer ID or the target of an ID-routed TLP
/// (section 2.2.4.2).
/// </summary>
/// <param name="Value">The 16 bits of a header: bus 15:8, device 7:3, function 2:0.</param>
internal readonly record struct Bdf(ushort Value)
{
    private const int BusShift = 8;
    private const int DeviceShift = 3;
    private const int DeviceMask = 0x1F;
    private const int FunctionMask = 0x7;

    public Bdf(int bus, int device, int function)
        : this((ushort)((bus << BusShift) | ((device & DeviceMask) << DeviceShift) | (function & FunctionMask)))
    {
    }

    /// <summary>The ID of a function of the endpoint, which is alone on bus 1, below the root port.</summary>
    public static Bdf Of(FunctionId function) => new(1, function.Virtual, function.Physical);

    public int Bus => Value >> BusShift;
    public int Device => (Value >> DeviceShift) & DeviceMask;
    public int Function => Value & FunctionMask;

    public override string ToString() => $"{Bus:x2}:{Device:x2}.{Function:x}";
}
