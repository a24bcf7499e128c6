using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// A PCI device as the vfio-user server sees it. The wire stays on the other side: every index, offset and length
/// that arrives here has been checked against <see cref="Regions"/>.
/// </summary>
/// <remarks>
/// All members are called by the one thread that answers the client, so none may wait for anything that needs that
/// client's QEMU, and none may take longer than its time limit for a reply (5 s).
/// </remarks>
internal interface IVfioUserDevice
{
    /// <summary>What the client is told of the regions, by <see cref="RegionIndex"/>.</summary>
    IReadOnlyList<DeviceRegion> Regions { get; }

    /// <summary>How many vectors each interrupt type has, by <see cref="IrqIndex"/>.</summary>
    IReadOnlyList<int> IrqCounts { get; }

    /// <summary>Called once, before anything else: what the device may use of whoever is its client.</summary>
    void Attach(IVfioUserClient client);

    /// <summary>A client has connected; its memory arrives later, range by range.</summary>
    void ClientConnected()
    {
    }

    /// <summary>The client is gone, and with it its memory and interrupts.</summary>
    void ClientDisconnected()
    {
    }

    /// <summary>Reads from a region.</summary>
    /// <param name="region">Which, see <see cref="RegionIndex"/>.</param>
    /// <param name="offset">Bytes from its start.</param>
    /// <param name="data">To be filled; at least one byte, all inside the region.</param>
    /// <returns><see cref="Errno.None"/>, or what the client is told instead.</returns>
    Errno ReadRegion(int region, ulong offset, Span<byte> data);

    /// <summary>Writes to a region.</summary>
    /// <param name="region">Which, see <see cref="RegionIndex"/>.</param>
    /// <param name="offset">Bytes from its start.</param>
    /// <param name="data">At least one byte, all inside the region.</param>
    /// <returns><see cref="Errno.None"/>, or what the client is told instead.</returns>
    Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data);

    /// <summary>
    /// VFIO_USER_DEVICE_RESET: a function reset. QEMU sends it at power-on, reboot, secondary bus reset and hot-plug.
    /// </summary>
    void Reset();

    /// <summary>Guest memory has become available.</summary>
    void DmaMapped(DmaRange range)
    {
    }

    /// <summary>Guest memory is about to go: whoever was given it must have let go of it on return.</summary>
    void DmaUnmapping(DmaRange range)
    {
    }

    /// <summary>The same for all of it: the client unmaps everything, or is gone.</summary>
    void DmaUnmappingAll(ReadOnlySpan<DmaRange> ranges)
    {
        foreach (DmaRange range in ranges)
        {
            DmaUnmapping(range);
        }
    }
}
