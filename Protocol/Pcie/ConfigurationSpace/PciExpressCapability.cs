using System.Numerics;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// PCI Express capability of an endpoint, version 2. PCI Express Base Specification 6.0, section 7.5.3; Linux'
/// <c>PCI_EXP_*</c>. Slot and Root registers are not there for an endpoint and read 0.
/// </summary>
internal sealed class PciExpressCapability : Capability
{
    private const int Length = 0x3C;

    private const int PciExpressCapabilities = 0x02;
    private const uint CapabilityVersion2 = 2;

    /// <summary>Device Capabilities, 32 bits; offset in the capability.</summary>
    public const int DeviceCapabilities = 0x04;
    private const uint ExtendedTagFieldSupported = 1 << 5;
    private const uint RoleBasedErrorReporting = 1 << 15;
    private const uint FunctionLevelResetCapability = 1 << 28;

    /// <summary>Device Control, 16 bits; offset in the capability.</summary>
    public const int DeviceControl = 0x08;
    private const uint CorrectableErrorReportingEnableBit = 1 << 0;
    private const uint NonFatalErrorReportingEnableBit = 1 << 1;
    private const uint FatalErrorReportingEnableBit = 1 << 2;
    private const uint UnsupportedRequestReportingEnableBit = 1 << 3;
    private const uint EnableRelaxedOrdering = 1 << 4;
    private const int MaxPayloadSizeShift = 5;
    private const uint MaxPayloadSizeMask = 0x7 << MaxPayloadSizeShift;
    private const uint ExtendedTagFieldEnableBit = 1 << 8;
    private const uint EnableNoSnoop = 1 << 11;
    private const int MaxReadRequestSizeShift = 12;
    private const uint MaxReadRequestSizeMask = 0x7 << MaxReadRequestSizeShift;
    private const uint MaxReadRequestSize512 = 2 << MaxReadRequestSizeShift;
    private const uint InitiateFunctionLevelReset = 1 << 15;

    private const int DeviceStatusOffset = 0x0A;

    private const int LinkCapabilities = 0x0C;
    private const int LinkWidthShift = 4;
    private const uint AspmOptionalityCompliance = 1 << 22;

    private const int LinkControl = 0x10;
    private const uint AspmControl = 0x3;
    private const uint ReadCompletionBoundaryBit = 1 << 3;
    private const uint CommonClockConfiguration = 1 << 6;
    private const uint ExtendedSynch = 1 << 7;

    private const int LinkStatus = 0x12;
    private const uint LinkSpeedAndWidthMask = 0x3FF;
    private const uint SlotClockConfiguration = 1 << 12;

    private const int DeviceCapabilities2 = 0x24;
    private const uint CompletionTimeoutDisableSupported = 1 << 4;

    private const int DeviceControl2 = 0x28;
    private const uint CompletionTimeoutDisableBit = 1 << 4;

    private const int LinkCapabilities2 = 0x2C;
    private const int SupportedLinkSpeedsShift = 1;

    private const int LinkControl2 = 0x30;
    private const uint HardwareAutonomousSpeedDisable = 1 << 5;
    private const uint SelectableDeEmphasis = 1 << 6;

    private const int SizeMask = 0x7;
    private const int SmallestSize = 128;
    private const int LargestSize = 4096;

    private readonly PciExpressSettings _settings;

    internal PciExpressCapability(ConfigSpace space, PciExpressSettings settings)
        : base(space, PciRegister.PciExpressId, Length)
    {
        _settings = settings;
        uint speed = (uint)settings.MaxLinkSpeed;
        uint link = speed | ((uint)settings.MaxLinkWidth << LinkWidthShift);

        Registers.Define(Offset + PciExpressCapabilities, 2, CapabilityVersion2);
        DefineDeviceRegisters();
        Registers.Define(Offset + LinkCapabilities, 4, link | AspmOptionalityCompliance);
        const uint LinkControlBits =
            AspmControl | ReadCompletionBoundaryBit | CommonClockConfiguration | ExtendedSynch;
        Registers.Define(
            Offset + LinkControl, 2, 0, writable: LinkControlBits, keptByFunctionLevelReset: LinkControlBits);
        Registers.Define(Offset + LinkStatus, 2, link | SlotClockConfiguration);
        // Completion timeouts have a fixed range here; disabling them is mandatory to support.
        Registers.Define(Offset + DeviceCapabilities2, 4, CompletionTimeoutDisableSupported);
        Registers.Define(Offset + DeviceControl2, 2, 0, writable: CompletionTimeoutDisableBit);
        Registers.Define(Offset + LinkCapabilities2, 4, ((1U << (int)speed) - 1) << SupportedLinkSpeedsShift);
        // Target Link Speed and the compliance settings are RWS.
        Registers.Define(
            Offset + LinkControl2,
            2,
            speed,
            writable: 0xFFFF & ~SelectableDeEmphasis,
            sticky: 0xFFFF & ~(SelectableDeEmphasis | HardwareAutonomousSpeedDisable),
            keptByFunctionLevelReset: HardwareAutonomousSpeedDisable);
    }

    /// <summary>Correctable Error Reporting Enable.</summary>
    public bool CorrectableErrorReportingEnable => DeviceControlHas(CorrectableErrorReportingEnableBit);

    /// <summary>Non-Fatal Error Reporting Enable.</summary>
    public bool NonFatalErrorReportingEnable => DeviceControlHas(NonFatalErrorReportingEnableBit);

    /// <summary>Fatal Error Reporting Enable.</summary>
    public bool FatalErrorReportingEnable => DeviceControlHas(FatalErrorReportingEnableBit);

    /// <summary>Unsupported Request Reporting Enable.</summary>
    public bool UnsupportedRequestReportingEnable => DeviceControlHas(UnsupportedRequestReportingEnableBit);

    /// <summary>Enable Relaxed Ordering: requests of the function may have the attribute.</summary>
    public bool RelaxedOrderingEnable => DeviceControlHas(EnableRelaxedOrdering);

    /// <summary>Enable No Snoop: requests of the function may have the attribute.</summary>
    public bool NoSnoopEnable => DeviceControlHas(EnableNoSnoop);

    /// <summary>Extended Tag Field Enable: the function may use 8-bit tags instead of 5-bit ones.</summary>
    public bool ExtendedTagFieldEnable => DeviceControlHas(ExtendedTagFieldEnableBit);

    /// <summary>Max_Payload_Size (MPS) in bytes, not more than the function supports.</summary>
    public int MaxPayloadSize => Math.Min(
        MaxPayloadSizeIn(Registers.GetWord(Offset + DeviceControl)), _settings.MaxPayloadSizeSupported);

    /// <summary>Max_Read_Request_Size (MRRS) in bytes.</summary>
    public int MaxReadRequestSize =>
        SizeOf(Registers.GetWord(Offset + DeviceControl) >> MaxReadRequestSizeShift);

    /// <summary>Read Completion Boundary (RCB) of the root port in bytes: 64 or 128.</summary>
    public int ReadCompletionBoundary =>
        (Registers.GetWord(Offset + LinkControl) & ReadCompletionBoundaryBit) != 0 ? 128 : 64;

    /// <summary>Completion Timeout Disable: requests of the function may wait without limit.</summary>
    public bool CompletionTimeoutDisable =>
        (Registers.GetWord(Offset + DeviceControl2) & CompletionTimeoutDisableBit) != 0;

    /// <summary>The Device Status register.</summary>
    public DeviceStatus DeviceStatus => (DeviceStatus)Registers.GetWord(Offset + DeviceStatusOffset);

    /// <summary>Device Status' Transactions Pending: non-posted requests are not completed yet.</summary>
    public bool TransactionsPending
    {
        get => (DeviceStatus & DeviceStatus.TransactionsPending) != 0;
        set => Registers.Set(
            Offset + DeviceStatusOffset,
            2,
            (uint)DeviceStatus.TransactionsPending,
            value ? (uint)DeviceStatus.TransactionsPending : 0);
    }

    internal int DeviceControlOffset => Offset + DeviceControl;

    internal int DeviceControl2Offset => Offset + DeviceControl2;

    /// <summary>Max_Payload_Size in bytes that a value of Device Control asks for; its low byte is enough.</summary>
    public static int MaxPayloadSizeIn(ushort deviceControl) => SizeOf(deviceControl >> MaxPayloadSizeShift);

    /// <summary>Max_Payload_Size Supported in bytes; the low byte of Device Capabilities is enough.</summary>
    public static int MaxPayloadSizeSupportedIn(uint deviceCapabilities) => SizeOf((int)deviceCapabilities);

    /// <summary>Sets error bits of Device Status; the host clears them by writing 1.</summary>
    /// <param name="errors">Bits of <see cref="DeviceStatus.Errors"/>.</param>
    /// <exception cref="ArgumentException">Other bits are set.</exception>
    public void RecordDetected(DeviceStatus errors)
    {
        if ((errors & ~DeviceStatus.Errors) != 0)
        {
            throw new ArgumentException($"{errors & ~DeviceStatus.Errors} is no error bit of Device Status");
        }
        Registers.Set(Offset + DeviceStatusOffset, 2, (uint)errors, (uint)errors);
    }

    /// <summary>Sets Link Status: what the link was trained to. It starts as the best of the settings.</summary>
    /// <param name="speed">Current Link Speed.</param>
    /// <param name="width">Negotiated Link Width in lanes.</param>
    /// <exception cref="ArgumentException">There is no such link, or it is more than the settings allow.</exception>
    public void SetLinkStatus(LinkSpeed speed, int width)
    {
        PciExpressSettings.CheckLink(speed, width);
        if (speed > _settings.MaxLinkSpeed || width > _settings.MaxLinkWidth)
        {
            throw new ArgumentException(
                $"a link of {speed} x{width} is beyond {_settings.MaxLinkSpeed} x{_settings.MaxLinkWidth}");
        }
        Registers.SetDefault(
            Offset + LinkStatus, 2, LinkSpeedAndWidthMask, (uint)speed | ((uint)width << LinkWidthShift));
    }

    /// <summary>
    /// Whether the write just applied set Initiate Function Level Reset; clears the bit, so that no read ever sees it.
    /// </summary>
    internal bool TakeFunctionLevelReset()
    {
        bool initiated = DeviceControlHas(InitiateFunctionLevelReset);
        Registers.Set(Offset + DeviceControl, 2, InitiateFunctionLevelReset, 0);
        return initiated;
    }

    private void DefineDeviceRegisters()
    {
        uint maxPayloadSize = (uint)BitOperations.Log2((uint)_settings.MaxPayloadSizeSupported / SmallestSize);
        Registers.Define(
            Offset + DeviceCapabilities,
            4,
            maxPayloadSize | RoleBasedErrorReporting
                | (_settings.ExtendedTagSupported ? ExtendedTagFieldSupported : 0)
                | (_settings.FunctionLevelResetCapable ? FunctionLevelResetCapability : 0));
        Registers.Define(
            Offset + DeviceControl,
            2,
            EnableRelaxedOrdering | EnableNoSnoop | MaxReadRequestSize512,
            writable: CorrectableErrorReportingEnableBit | NonFatalErrorReportingEnableBit
                | FatalErrorReportingEnableBit | UnsupportedRequestReportingEnableBit | EnableRelaxedOrdering
                | MaxPayloadSizeMask | EnableNoSnoop | MaxReadRequestSizeMask
                | (_settings.ExtendedTagSupported ? ExtendedTagFieldEnableBit : 0)
                | (_settings.FunctionLevelResetCapable ? InitiateFunctionLevelReset : 0),
            keptByFunctionLevelReset: MaxPayloadSizeMask);
        Registers.Define(Offset + DeviceStatusOffset, 2, 0, writeOneToClear: (uint)DeviceStatus.Errors);
    }

    private bool DeviceControlHas(uint bit) => (Registers.GetWord(Offset + DeviceControl) & bit) != 0;

    // The two highest encodings are reserved; the largest size is what they can be taken for.
    private static int SizeOf(int encoding) => Math.Min(SmallestSize << (encoding & SizeMask), LargestSize);
}
