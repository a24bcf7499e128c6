namespace EpfTest.EpcDevice.Registers;

/// <summary>
/// The controller's registers (<c>docs/registers.md</c>): offsets in bytes from the start of BAR0 or of their block
/// (<c>int</c>), masks and values (<c>uint</c>). A test compares every constant with
/// <c>driver/pcie-qemu-ep-regs.h</c>, where it has the same name in capitals after EPC_.
/// </summary>
internal static class EpcRegister
{
    public const ushort PciVendorId = 0x1234;
    public const ushort PciDeviceId = 0xe9c0;

    // BARs of the controller.
    public const int BarRegs = 0;
    public const int BarWindow = 2;
    public const int BarMsix = 4;

    // Global registers.
    public const int Id = 0x0000;
    public const uint IdValue = 0x43465045;
    public const int Version = 0x0004;
    public const uint VersionMajor = 0xffff0000;
    public const uint VersionMinor = 0xffff;
    public const uint VersionMajorValue = 1;
    public const uint VersionMinorValue = 2;
    public const int FeaturesLo = 0x0008;
    public const int FeaturesHi = 0x000c;
    public const uint FeatureIntx = 1U << 0;
    public const uint FeatureMsi = 1U << 1;
    public const uint FeatureMsix = 1U << 2;
    public const uint FeatureDynamicInbound = 1U << 3;
    public const uint FeatureSubrangeInbound = 1U << 4;
    public const uint FeatureDoorbell = 1U << 5;
    public const uint FeatureDma = 1U << 6;
    public const uint FeatureMappedWindow = 1U << 7;
    public const int Functions = 0x0010;
    public const int Vfs = 0x0014;
    public const int Outbounds = 0x0018;
    public const int Inbounds = 0x001c;
    public const int DmaChannels = 0x0020;
    public const int Scratch = 0x0030;
    public const int LinkControl = 0x0040;
    public const uint LinkControlEnable = 1U << 0;
    public const int LinkStatus = 0x0044;
    public const uint LinkStatusUp = 1U << 0;
    public const uint LinkStatusPerst = 1U << 1;
    public const uint LinkStatusSpeed = 0xf0;
    public const uint LinkStatusWidth = 0x3f00;
    public const int EventStatus = 0x0048;
    public const int EventMask = 0x004c;
    public const uint EventLinkUp = 1U << 0;
    public const uint EventLinkDown = 1U << 1;
    public const uint EventPerstAsserted = 1U << 2;
    public const uint EventPerstDeasserted = 1U << 3;
    public const uint EventFunction = 1U << 4;
    public const int EventFunctions = 0x0060;

    // The mapped window: the shared-memory region of a virtio device.
    public const int WindowSizeLo = 0x0080;
    public const int WindowSizeHi = 0x0084;
    public const int WindowIdLo = 0x0088;
    public const int WindowIdHi = 0x008c;
    public const int WindowAddressLo = 0x0090;
    public const int WindowAddressHi = 0x0094;
    public const int WindowControl = 0x0098;
    public const uint WindowControlEnable = 1U << 0;
    public const int WindowStatus = 0x009c;
    public const uint WindowStatusReady = 1U << 0;
    public const uint WindowStatusBusy = 1U << 1;
    public const uint WindowStatusUnshared = 1U << 2;

    // Doorbell: alone in its page, since hosts may reach it through a BAR.
    public const int Doorbell = 0x1000;

    // DMA channels.
    public const int DmaBase = 0x2000;
    public const int DmaStride = 0x0080;
    public const int DmaControl = 0x00;
    public const uint DmaControlEnable = 1U << 0;
    public const uint DmaControlReset = 1U << 1;
    public const uint DmaControlFunction = 0xff00;
    public const int DmaStatus = 0x04;
    public const uint DmaStatusRunning = 1U << 0;
    public const uint DmaStatusRingError = 1U << 1;
    public const int DmaRingLo = 0x08;
    public const int DmaRingHi = 0x0c;
    public const int DmaRingSize = 0x10;
    public const int DmaTail = 0x14;
    public const int DmaHead = 0x18;
    public const int DmaIrqStatus = 0x1c;
    public const int DmaIrqMask = 0x20;
    public const uint DmaIrqDescriptor = 1U << 0;
    public const uint DmaIrqRingError = 1U << 1;

    // DMA descriptor: offsets in its 32 bytes.
    public const int DescSize = 32;
    public const int DescSource = 0;
    public const int DescDestination = 8;
    public const int DescLength = 16;
    public const int DescFlags = 20;
    public const uint DescFlagInterrupt = 1U << 0;
    public const uint DescFlagSourceHost = 1U << 1;
    public const uint DescFlagDestinationHost = 1U << 2;
    public const int DescStatus = 24;
    public const uint DescStatusPending = 0;
    public const uint DescStatusDone = 1;
    public const uint DescStatusBadDescriptor = 2;
    public const uint DescStatusSourceError = 3;
    public const uint DescStatusDestinationError = 4;
    public const uint DescStatusLinkDown = 5;
    public const uint DescStatusNotBusMaster = 6;

    // Outbound translations.
    public const int OutboundBase = 0x4000;
    public const int OutboundStride = 0x0040;
    public const int OutboundOffsetLo = 0x00;
    public const int OutboundOffsetHi = 0x04;
    public const int OutboundSizeLo = 0x08;
    public const int OutboundSizeHi = 0x0c;
    public const int OutboundAddressLo = 0x10;
    public const int OutboundAddressHi = 0x14;
    public const int OutboundControl = 0x18;
    public const uint OutboundControlEnable = 1U << 0;
    public const uint OutboundControlMapped = 1U << 1;
    public const uint OutboundControlFunction = 0xff00;
    public const int OutboundResult = 0x1c;

    // Function blocks.
    public const int FunctionBase = 0x100000;
    public const int FunctionStride = 0x1000;
    public const int FnId = 0x000;
    public const uint FnIdFunction = 0xff;
    public const uint FnIdVfunction = 0xff00;
    public const int FnControl = 0x004;
    public const uint FnControlPresent = 1U << 0;
    public const int FnResult = 0x008;
    public const int FnVendorDevice = 0x010;
    public const uint FnVendor = 0xffff;
    public const uint FnDevice = 0xffff0000;
    public const int FnClassRevision = 0x014;
    public const uint FnRevision = 0xff;
    public const uint FnProgif = 0xff00;
    public const uint FnSubclass = 0xff0000;
    public const uint FnBaseclass = 0xff000000;
    public const int FnSubsystem = 0x018;
    public const uint FnSubsystemVendor = 0xffff;
    public const uint FnSubsystemId = 0xffff0000;
    public const int FnMisc = 0x01c;
    public const uint FnCacheLineSize = 0xff;
    public const uint FnInterruptPin = 0xff00;
    public const int FnMsiSetup = 0x030;
    public const int FnMsiState = 0x034;
    public const uint FnMsiStateEnabled = 1U << 0;
    public const uint FnMsiStateVectors = 0x3f00;
    public const int FnMsixTable = 0x038;
    public const int FnMsixPba = 0x03c;
    public const uint FnMsixBir = 0x7;
    public const uint FnMsixOffset = 0xfffffff8;
    public const int FnMsixSetup = 0x040;
    public const int FnMsixState = 0x044;
    public const uint FnMsixStateEnabled = 1U << 0;
    public const uint FnMsixStateMasked = 1U << 1;
    public const uint FnMsixStateVectors = 0xfff0000;
    public const int FnRaiseMsi = 0x050;
    public const int FnRaiseMsix = 0x054;
    public const int FnIntx = 0x058;
    public const uint FnIntxAssert = 1U << 0;
    public const int FnMsiAddressLo = 0x060;
    public const int FnMsiAddressHi = 0x064;
    public const int FnMsiData = 0x068;
    public const int FnEventStatus = 0x070;
    public const int FnEventMask = 0x074;
    public const uint FnEventBusMaster = 1U << 0;
    public const uint FnEventCommand = 1U << 1;
    public const uint FnEventBar = 1U << 2;
    public const uint FnEventFlr = 1U << 3;
    public const uint FnEventReset = 1U << 4;
    public const uint FnEventPowerState = 1U << 5;
    public const uint FnEventMsi = 1U << 6;
    public const uint FnEventMsix = 1U << 7;
    public const int FnCommand = 0x078;
    public const int FnPowerState = 0x07c;
    public const int FnBarBase = 0x100;
    public const int FnBarStride = 0x020;
    public const int FnBarSizeLo = 0x00;
    public const int FnBarSizeHi = 0x04;
    public const int FnBarFlags = 0x08;
    public const uint FnBarFlagIo = 1U << 0;
    public const uint FnBarFlag64Bit = 1U << 2;
    public const uint FnBarFlagPrefetch = 1U << 3;
    public const int FnBarControl = 0x0c;
    public const uint FnBarControlEnable = 1U << 0;
    public const uint FnBarControlInbounds = 0xff00;
    public const int FnBarAddressLo = 0x10;
    public const int FnBarAddressHi = 0x14;
    public const int FnInboundBase = 0x200;
    public const int FnInboundStride = 0x020;
    public const int FnInboundOffsetLo = 0x00;
    public const int FnInboundOffsetHi = 0x04;
    public const int FnInboundSizeLo = 0x08;
    public const int FnInboundSizeHi = 0x0c;
    public const int FnInboundTargetLo = 0x10;
    public const int FnInboundTargetHi = 0x14;

    // Results of a commit: EPC_FN_RESULT and EPC_OUTBOUND_RESULT.
    public const uint ResultOk = 0;
    public const uint ResultInvalid = 1;
    public const uint ResultOverlap = 2;
    public const uint ResultNoSpace = 3;
    public const uint ResultBusy = 4;
    public const uint ResultNotEnabled = 5;
    public const uint ResultLinkDown = 6;
    public const uint ResultNotMappable = 7;
    public const uint ResultPending = 8;
}
