namespace EpfTest.Protocol.VfioUser;

/// <summary>The commands of the vfio-user specification (QEMU <c>docs/interop/vfio-user.rst</c>, "Commands").</summary>
internal enum VfioUserCommand : ushort
{
    /// <summary>Negotiates the version; the first message of a connection.</summary>
    Version = 1,
    /// <summary>Makes guest memory available for DMA.</summary>
    DmaMap = 2,
    /// <summary>Takes it away again.</summary>
    DmaUnmap = 3,
    /// <summary>How many regions and interrupt types the device has.</summary>
    DeviceGetInfo = 4,
    /// <summary>What one region is like.</summary>
    DeviceGetRegionInfo = 5,
    /// <summary>What one interrupt type is like.</summary>
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
