namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Offsets (bytes) in a type 0 configuration space and the numbers of its capabilities. PCI Express Base
/// Specification 6.0, section 7.5.1; Linux has them in <c>include/uapi/linux/pci_regs.h</c>.
/// Registers of a capability are with the capability.
/// </summary>
internal static class PciRegister
{
    /// <summary>Size of the whole space in bytes: <c>PCI_CFG_SPACE_EXP_SIZE</c>.</summary>
    public const int SpaceSize = 4096;

    /// <summary>Vendor ID, 16 bits: <c>PCI_VENDOR_ID</c>.</summary>
    public const int VendorId = 0x00;

    /// <summary>Device ID, 16 bits: <c>PCI_DEVICE_ID</c>.</summary>
    public const int DeviceId = 0x02;

    /// <summary>Command, 16 bits: <c>PCI_COMMAND</c>.</summary>
    public const int Command = 0x04;

    /// <summary>Status, 16 bits: <c>PCI_STATUS</c>.</summary>
    public const int Status = 0x06;

    /// <summary>Revision ID, 8 bits, the low byte of <c>PCI_CLASS_REVISION</c>.</summary>
    public const int RevisionId = 0x08;

    /// <summary>Class Code, 24 bits: programming interface, sub-class, base class, from the low byte up.</summary>
    public const int ClassCode = 0x09;

    /// <summary>Cache Line Size, 8 bits: <c>PCI_CACHE_LINE_SIZE</c>.</summary>
    public const int CacheLineSize = 0x0C;

    /// <summary>Header Type, 8 bits: <c>PCI_HEADER_TYPE</c>.</summary>
    public const int HeaderType = 0x0E;

    /// <summary>The first Base Address Register, 32 bits: <c>PCI_BASE_ADDRESS_0</c>.</summary>
    public const int BaseAddress0 = 0x10;

    /// <summary>Number of Base Address Registers: <c>PCI_STD_NUM_BARS</c>.</summary>
    public const int BaseAddressCount = 6;

    /// <summary>Subsystem Vendor ID, 16 bits: <c>PCI_SUBSYSTEM_VENDOR_ID</c>.</summary>
    public const int SubsystemVendorId = 0x2C;

    /// <summary>Subsystem ID, 16 bits: <c>PCI_SUBSYSTEM_ID</c>.</summary>
    public const int SubsystemId = 0x2E;

    /// <summary>Expansion ROM Base Address, 32 bits: <c>PCI_ROM_ADDRESS</c>.</summary>
    public const int ExpansionRomBaseAddress = 0x30;

    /// <summary>Capabilities Pointer, 8 bits: <c>PCI_CAPABILITY_LIST</c>.</summary>
    public const int CapabilitiesPointer = 0x34;

    /// <summary>Interrupt Line, 8 bits: <c>PCI_INTERRUPT_LINE</c>.</summary>
    public const int InterruptLine = 0x3C;

    /// <summary>Interrupt Pin, 8 bits: <c>PCI_INTERRUPT_PIN</c>.</summary>
    public const int InterruptPin = 0x3D;

    /// <summary>Where capabilities begin; the type 0 header ends here.</summary>
    public const int FirstCapability = 0x40;

    /// <summary>Where extended capabilities begin; the space of conventional PCI ends here.</summary>
    public const int FirstExtendedCapability = 0x100;

    /// <summary>Capability ID of PCI Power Management: <c>PCI_CAP_ID_PM</c>.</summary>
    public const byte PowerManagementId = 0x01;

    /// <summary>Capability ID of MSI: <c>PCI_CAP_ID_MSI</c>.</summary>
    public const byte MsiId = 0x05;

    /// <summary>Capability ID of PCI Express: <c>PCI_CAP_ID_EXP</c>.</summary>
    public const byte PciExpressId = 0x10;

    /// <summary>Capability ID of MSI-X: <c>PCI_CAP_ID_MSIX</c>.</summary>
    public const byte MsixId = 0x11;

    /// <summary>Extended capability ID of Advanced Error Reporting: <c>PCI_EXT_CAP_ID_ERR</c>.</summary>
    public const ushort AdvancedErrorReportingId = 0x0001;

    /// <summary>Extended capability ID of Device Serial Number: <c>PCI_EXT_CAP_ID_DSN</c>.</summary>
    public const ushort DeviceSerialNumberId = 0x0003;
}
