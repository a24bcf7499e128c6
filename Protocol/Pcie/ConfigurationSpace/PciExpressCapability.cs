namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// PCI Express capability of an endpoint, version 2 (section 7.5.3; Linux' <c>PCI_EXP_*</c>). Slot and Root registers
/// are not there for an endpoint and read 0.
/// </summary>
internal sealed class PciExpressCapability : Capability
{
    /// <summary>Offset of Device Capabilities, 32 bits, in the capability.</summary>
    public const int DeviceCapabilities = 0x04;

    /// <summary>Offset of Device Control, 16 bits.</summary>
    public const int DeviceControl = 0x08;


    /// <summary>Offset of Link Control, 16 bits.</summary>
    public const int LinkControl = 0x10;

    /// <summary>
    /// Link speed, as the Link registers encode it: 5.0 GT/s. From 8.0 GT/s on the specification also wants extended
    /// capabilities about the physical layer, which a virtual link does not have.
    /// </summary>
    public const int LinkSpeed = 2;

    /// <summary>Link width in lanes.</summary>
    public const int LinkWidth = 4;

    private const int Length = 0x3C;

    private const int PciExpressCapabilities = 0x02;
    private const uint CapabilityVersion2 = 2;

    private const uint MaxPayloadSize4096Supported = 5;
    private const uint ExtendedTagFieldSupported = 1 << 5;
    private const uint RoleBasedErrorReporting = 1 << 15;
    private const uint FunctionLevelResetCapability = 1 << 28;

    private const uint CorrectableErrorReportingEnableBit = 1 << 0;
    private const uint NonFatalErrorReportingEnableBit = 1 << 1;
    private const uint FatalErrorReportingEnableBit = 1 << 2;
    private const uint UnsupportedRequestReportingEnableBit = 1 << 3;
    private const uint EnableRelaxedOrdering = 1 << 4;
    private const int MaxPayloadSizeShift = 5;
    private const uint MaxPayloadSizeMask = SizeMask << MaxPayloadSizeShift;
    private const uint ExtendedTagFieldEnableBit = 1 << 8;
    private const uint EnableNoSnoop = 1 << 11;
    private const int MaxReadRequestSizeShift = 12;
    private const uint MaxReadRequestSizeMask = SizeMask << MaxReadRequestSizeShift;
    private const uint MaxReadRequestSize512 = 2 << MaxReadRequestSizeShift;
    private const uint InitiateFunctionLevelReset = 1 << 15;

    private const int DeviceStatusOffset = 0x0A;

    private const int LinkCapabilities = 0x0C;
    private const uint LinkSpeedAndWidth = LinkSpeed | (LinkWidth << 4);
    private const uint AspmOptionalityCompliance = 1 << 22;

    private const uint AspmControl = 0x3;
    private const uint ReadCompletionBoundaryBit = 1 << 3;
    private const uint CommonClockConfiguration = 1 << 6;
    private const uint ExtendedSynch = 1 << 7;

    private const int LinkStatus = 0x12;
    private const uint SlotClockConfiguration = 1 << 12;

    private const int DeviceCapabilities2 = 0x24;
    private const uint CompletionTimeoutDisableSupported = 1 << 4;
    private const int DeviceControl2 = 0x28;
    private const uint CompletionTimeoutDisable = 1 << 4;

    private const int LinkCapabilities2 = 0x2C;
    private const uint SupportedLinkSpeeds = ((1 << LinkSpeed) - 1) << 1;

    private const int LinkControl2 = 0x30;
    private const uint HardwareAutonomousSpeedDisable = 1 << 5;
    private const uint SelectableDeEmphasis = 1 << 6;

    private const uint SizeMask = 0x7;

    public PciExpressCapability(ConfigSpace space)
        : base(space, PciRegister.PciExpressId, Length)
    {
        Registers.Define(Offset + PciExpressCapabilities, 2, CapabilityVersion2);
        Registers.Define(
            Offset + DeviceCapabilities,
            4,
            MaxPayloadSize4096Supported | ExtendedTagFieldSupported | RoleBasedErrorReporting
                | FunctionLevelResetCapability);
        Registers.Define(
            Offset + DeviceControl,
            2,
            EnableRelaxedOrdering | EnableNoSnoop | MaxReadRequestSize512,
            writable: CorrectableErrorReportingEnableBit | NonFatalErrorReportingEnableBit
                | FatalErrorReportingEnableBit | UnsupportedRequestReportingEnableBit | EnableRelaxedOrdering
                | MaxPayloadSizeMask | ExtendedTagFieldEnableBit | EnableNoSnoop | MaxReadRequestSizeMask
                | InitiateFunctionLevelReset,
            keptByFunctionLevelReset: MaxPayloadSizeMask);
        Registers.Define(Offset + DeviceStatusOffset, 2, 0, writeOneToClear: (uint)DeviceStatus.Errors);
        Registers.Define(Offset + LinkCapabilities, 4, LinkSpeedAndWidth | AspmOptionalityCompliance);
        const uint LinkControlBits =
            AspmControl | ReadCompletionBoundaryBit | CommonClockConfiguration | ExtendedSynch;
        Registers.Define(
            Offset + LinkControl, 2, 0, writable: LinkControlBits, keptByFunctionLevelReset: LinkControlBits);
        Registers.Define(Offset + LinkStatus, 2, LinkSpeedAndWidth | SlotClockConfiguration);
        // Completion timeouts have a fixed range here; disabling them is mandatory to support.
        Registers.Define(Offset + DeviceCapabilities2, 4, CompletionTimeoutDisableSupported);
        Registers.Define(Offset + DeviceControl2, 2, 0, writable: CompletionTimeoutDisable);
        Registers.Define(Offset + LinkCapabilities2, 4, SupportedLinkSpeeds);
        // Target Link Speed and the compliance settings are RWS.
        Registers.Define(
            Offset + LinkControl2,
            2,
            LinkSpeed,
            writable: 0xFFFF & ~SelectableDeEmphasis,
            sticky: 0xFFFF & ~(SelectableDeEmphasis | HardwareAutonomousSpeedDisable),
            keptByFunctionLevelReset: HardwareAutonomousSpeedDisable);
    }

    public bool CorrectableErrorReportingEnable => DeviceControlHas(CorrectableErrorReportingEnableBit);

    public bool NonFatalErrorReportingEnable => DeviceControlHas(NonFatalErrorReportingEnableBit);

    public bool FatalErrorReportingEnable => DeviceControlHas(FatalErrorReportingEnableBit);

    public bool UnsupportedRequestReportingEnable => DeviceControlHas(UnsupportedRequestReportingEnableBit);

    /// <summary>Extended Tag Field Enable: the function may use 8-bit tags instead of 5-bit ones.</summary>
    public bool ExtendedTagFieldEnable => DeviceControlHas(ExtendedTagFieldEnableBit);

    /// <summary>Max_Payload_Size (MPS) in bytes.</summary>
    public int MaxPayloadSize => MaxPayloadSizeIn(Registers.GetWord(Offset + DeviceControl));

    /// <summary>Max_Read_Request_Size (MRRS) in bytes.</summary>
    public int MaxReadRequestSize =>
        SizeOf((uint)Registers.GetWord(Offset + DeviceControl) >> MaxReadRequestSizeShift);

    public DeviceStatus DeviceStatus => (DeviceStatus)Registers.GetWord(Offset + DeviceStatusOffset);

    /// <summary>Max_Payload_Size in bytes in a value of Device Control; its low byte is enough.</summary>
    public static int MaxPayloadSizeIn(uint deviceControl) => SizeOf(deviceControl >> MaxPayloadSizeShift);

    /// <summary>Max_Payload_Size Supported in bytes; the low byte of Device Capabilities is enough.</summary>
    public static int MaxPayloadSizeSupportedIn(uint deviceCapabilities) => SizeOf(deviceCapabilities);

    /// <summary>
    /// Read Completion Boundary (RCB) of the root port in bytes in a value of Link Control; its low byte is enough.
    /// </summary>
    public static int ReadCompletionBoundaryIn(uint linkControl) =>
        (linkControl & ReadCompletionBoundaryBit) != 0 ? 128 : 64;

    /// <summary>Sets error bits of Device Status; the host clears them by writing 1.</summary>
    public void RecordDetected(DeviceStatus errors) =>
        Registers.Set(Offset + DeviceStatusOffset, 2, (uint)errors, (uint)errors);

    /// <summary>
    /// Whether the write just applied set Initiate Function Level Reset; clears the bit, so that reads never see it.
    /// </summary>
    public bool TakeFunctionLevelReset()
    {
        bool initiated = DeviceControlHas(InitiateFunctionLevelReset);
        Registers.Set(Offset + DeviceControl, 2, InitiateFunctionLevelReset, 0);
        return initiated;
    }

    private bool DeviceControlHas(uint bit) => (Registers.GetWord(Offset + DeviceControl) & bit) != 0;

    // The two highest encodings are reserved; they count as the largest size.
    private static int SizeOf(uint encoding) => Math.Min(128 << (int)(encoding & SizeMask), 4096);
}
