namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

// The two capability lists: PCI Express Base Specification 6.0, sections 7.5.1.1.11 and 7.6.3.
internal sealed partial class ConfigSpace
{
    private const int NextCapability = 1;
    private const int NextExtendedCapabilityShift = 20;

    private int _freeOffset = PciRegister.FirstCapability;
    private int _lastLink = PciRegister.CapabilitiesPointer;
    private int _freeExtendedOffset = PciRegister.FirstExtendedCapability;
    private int? _lastExtendedOffset;

    /// <summary>PCI Power Management, if added.</summary>
    public PowerManagementCapability? PowerManagement { get; private set; }

    /// <summary>MSI, if added.</summary>
    public MsiCapability? Msi { get; private set; }

    /// <summary>MSI-X, if added.</summary>
    public MsixCapability? Msix { get; private set; }

    /// <summary>PCI Express, if added.</summary>
    public PciExpressCapability? PciExpress { get; private set; }

    /// <summary>Advanced Error Reporting, if added.</summary>
    public AdvancedErrorReportingCapability? AdvancedErrorReporting { get; private set; }

    /// <summary>Device Serial Number, if added.</summary>
    public DeviceSerialNumberCapability? DeviceSerialNumber { get; private set; }

    /// <summary>Power state of the function; D0 without the Power Management capability.</summary>
    public PowerState PowerState => PowerManagement?.PowerState ?? PowerState.D0;

    /// <summary>Adds PCI Power Management.</summary>
    /// <param name="pmeSupport">The states from which the function sends PME.</param>
    /// <param name="d1Support">Whether the host may put the function into D1.</param>
    /// <param name="d2Support">Whether the host may put the function into D2.</param>
    /// <exception cref="InvalidOperationException">The capability is there already.</exception>
    public PowerManagementCapability AddPowerManagement(
        PmeSupport pmeSupport = PmeSupport.None, bool d1Support = false, bool d2Support = false)
    {
        CheckNew(PowerManagement);
        return PowerManagement = new PowerManagementCapability(this, pmeSupport, d1Support, d2Support);
    }

    /// <summary>Adds MSI with 64-bit addresses.</summary>
    /// <param name="vectorCount">Multiple Message Capable: 1, 2, 4, 8, 16 or 32 vectors.</param>
    /// <param name="perVectorMasking">Whether the host can mask each vector.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vector count cannot be encoded.</exception>
    /// <exception cref="InvalidOperationException">The capability is there already.</exception>
    public MsiCapability AddMsi(int vectorCount, bool perVectorMasking = true)
    {
        CheckNew(Msi);
        MsiCapability.CheckVectorCount(vectorCount);
        return Msi = new MsiCapability(this, vectorCount, perVectorMasking);
    }

    /// <summary>Adds MSI-X.</summary>
    /// <param name="layout">Vector count, and where table and PBA are.</param>
    /// <exception cref="ArgumentException">The layout cannot be encoded; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The capability is there already.</exception>
    public MsixCapability AddMsix(MsixLayout layout)
    {
        CheckNew(Msix);
        layout.Check();
        return Msix = new MsixCapability(this, layout);
    }

    /// <summary>Adds PCI Express, as an endpoint.</summary>
    /// <param name="settings">What the function can do; null for the defaults.</param>
    /// <exception cref="ArgumentException">A setting cannot be encoded; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The capability is there already.</exception>
    public PciExpressCapability AddPciExpress(PciExpressSettings? settings = null)
    {
        CheckNew(PciExpress);
        settings ??= new PciExpressSettings();
        settings.Check();
        return PciExpress = new PciExpressCapability(this, settings);
    }

    /// <summary>Adds Advanced Error Reporting.</summary>
    /// <exception cref="InvalidOperationException">
    /// The capability is there already, or PCI Express, in whose registers errors are recorded too, is not.
    /// </exception>
    public AdvancedErrorReportingCapability AddAdvancedErrorReporting()
    {
        CheckNew(AdvancedErrorReporting);
        if (PciExpress is null)
        {
            throw new InvalidOperationException("Advanced Error Reporting needs the PCI Express capability");
        }
        return AdvancedErrorReporting = new AdvancedErrorReportingCapability(this, PciExpress);
    }

    /// <summary>Adds Device Serial Number.</summary>
    /// <param name="serialNumber">The number: an EUI-64, its company ID in the highest bits.</param>
    /// <exception cref="InvalidOperationException">The capability is there already.</exception>
    public DeviceSerialNumberCapability AddDeviceSerialNumber(ulong serialNumber)
    {
        CheckNew(DeviceSerialNumber);
        return DeviceSerialNumber = new DeviceSerialNumberCapability(this, serialNumber);
    }

    internal int PlaceCapability(byte id, int length)
    {
        int offset = _freeOffset;
        _freeOffset = AlignToDword(offset + length);
        Registers.Define(offset, 2, id);
        Registers.SetDefault(_lastLink, 1, 0xFF, (uint)offset);
        _lastLink = offset + NextCapability;
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

    private static void CheckNew(object? capability)
    {
        if (capability is not null)
        {
            throw new InvalidOperationException($"{capability.GetType().Name} is there already");
        }
    }
}
