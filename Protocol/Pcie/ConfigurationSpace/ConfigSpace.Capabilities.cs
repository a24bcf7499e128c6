namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

// The two lists of capabilities (sections 7.5.1.1.11 and 7.6.3). Each capability is added once.
internal sealed partial class ConfigSpace
{
    private const int NextExtendedCapabilityShift = 20;

    private int _freeOffset = PciRegister.FirstCapability;
    private int _lastPointer = PciRegister.CapabilitiesPointer;
    private int _freeExtendedOffset = PciRegister.FirstExtendedCapability;
    private int? _lastExtendedOffset;

    public PowerManagementCapability? PowerManagement { get; private set; }

    public MsiCapability? Msi { get; private set; }

    public MsixCapability? Msix { get; private set; }

    public PciExpressCapability? PciExpress { get; private set; }

    public AdvancedErrorReportingCapability? AdvancedErrorReporting { get; private set; }

    /// <summary>Power state of the function; D0 without the Power Management capability.</summary>
    public PowerState PowerState => PowerManagement?.PowerState ?? PowerState.D0;

    public void AddPowerManagement() => PowerManagement = new PowerManagementCapability(this);

    /// <summary>Adds MSI with 1, 2, 4, 8, 16 or 32 vectors.</summary>
    public void AddMsi(int vectorCount) => Msi = new MsiCapability(this, vectorCount);

    /// <summary>Adds MSI-X with a layout that passes <see cref="MsixLayout.TryCheck"/>.</summary>
    public void AddMsix(MsixLayout layout) => Msix = new MsixCapability(this, layout);

    public void AddPciExpress() => PciExpress = new PciExpressCapability(this);

    /// <summary>Adds Advanced Error Reporting, which also records errors in PCI Express: add that first.</summary>
    public void AddAdvancedErrorReporting() =>
        AdvancedErrorReporting = new AdvancedErrorReportingCapability(this, PciExpress!);

    /// <summary>Adds Device Serial Number: an EUI-64, its company ID in the highest bits (section 7.9.3).</summary>
    public void AddDeviceSerialNumber(ulong serialNumber)
    {
        int offset = PlaceExtendedCapability(PciRegister.DeviceSerialNumberId, version: 1, length: 12);
        Registers.Define(offset + 4, 4, (uint)serialNumber);
        Registers.Define(offset + 8, 4, (uint)(serialNumber >> 32));
    }

    internal int PlaceCapability(byte id, int length)
    {
        int offset = _freeOffset;
        _freeOffset = AlignToDword(offset + length);
        Registers.Define(offset, 2, id);
        Registers.SetDefault(_lastPointer, 1, 0xFF, (uint)offset);
        _lastPointer = offset + 1;
        return offset;
    }

    internal int PlaceExtendedCapability(ushort id, int version, int length)
    {
        int offset = _freeExtendedOffset;
        _freeExtendedOffset = AlignToDword(offset + length);
        Registers.Define(offset, 4, id | ((uint)version << 16));
        if (_lastExtendedOffset is { } last)
        {
            Registers.SetDefault(
                last, 4, 0xFFFU << NextExtendedCapabilityShift, (uint)offset << NextExtendedCapabilityShift);
        }
        _lastExtendedOffset = offset;
        return offset;
    }

    private static int AlignToDword(int offset) => (offset + 3) & ~3;
}
