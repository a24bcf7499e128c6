namespace EpfTest.Protocol.VfioUser;

/// <summary>The commands of the vfio-user specification (QEMU <c>docs/interop/vfio-user.rst</c>, "Commands").</summary>
internal enum VfioUserCommand : ushort
{
    /// <summary>Negotiates the version; the first message of a connection.</summary>
    Version = 1,
    /// <summary>Maps guest memory for DMA.</summary>
    DmaMap = 2,
    /// <summary>Unmaps guest memory.</summary>
    DmaUnmap = 3,
    /// <summary>Returns the numbers of regions and interrupt types.</summary>
    DeviceGetInfo = 4,
    /// <summary>Describes one region.</summary>
    DeviceGetRegionInfo = 5,
    /// <summary>Describes one interrupt type.</summary>
    DeviceGetIrqInfo = 7,
    /// <summary>Sets up, masks, unmasks or triggers interrupts.</summary>
    DeviceSetIrqs = 8,
    /// <summary>Reads from a region.</summary>
    RegionRead = 9,
    /// <summary>Writes to a region.</summary>
    RegionWrite = 10,
    /// <summary>Server to client: reads guest memory.</summary>
    DmaRead = 11,
    /// <summary>Server to client: writes guest memory.</summary>
    DmaWrite = 12,
    /// <summary>Resets the device.</summary>
    DeviceReset = 13,
}
