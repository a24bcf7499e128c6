namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Offsets (bytes) in a type 0 configuration space, and IDs of capabilities (section 7.5.1; Linux'
/// <c>include/uapi/linux/pci_regs.h</c>). A capability's class has the offsets in it.
/// </summary>
internal static class PciRegister
{
    public const int VendorId = 0x00;
    public const int DeviceId = 0x02;
    public const int Command = 0x04;
    public const int Status = 0x06;
    public const int RevisionId = 0x08;

    /// <summary>Class Code, 24 bits: programming interface, sub-class, base class, from the low byte up.</summary>
    public const int ClassCode = 0x09;
    public const int CacheLineSize = 0x0C;
    public const int HeaderType = 0x0E;
    public const int BaseAddress0 = 0x10;
    public const int SubsystemVendorId = 0x2C;
    public const int SubsystemId = 0x2E;
    public const int CapabilitiesPointer = 0x34;
    public const int InterruptLine = 0x3C;
    public const int InterruptPin = 0x3D;

    /// <summary>Capabilities begin here, behind the type 0 header.</summary>
    public const int FirstCapability = 0x40;

    /// <summary>Extended capabilities begin here, behind the space of conventional PCI.</summary>
    public const int FirstExtendedCapability = 0x100;

    /// <summary>Size of the whole space.</summary>
    public const int SpaceSize = 4096;

    /// <summary>Number of Base Address Registers.</summary>
    public const int BaseAddressCount = 6;

    public const byte PowerManagementId = 0x01;
    public const byte MsiId = 0x05;
    public const byte PciExpressId = 0x10;
    public const byte MsixId = 0x11;
    public const ushort AdvancedErrorReportingId = 0x0001;
    public const ushort DeviceSerialNumberId = 0x0003;
}
