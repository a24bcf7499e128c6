using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// A PCI device as the vfio-user server calls it. Every index, offset and length has been checked against
/// <see cref="Regions"/> before.
/// </summary>
/// <remarks>
/// All members are called by the thread that answers the client. None may wait for anything that needs that client's
/// QEMU, and none may take longer than QEMU's timeout for a reply.
/// </remarks>
internal interface IVfioUserDevice
{
    /// <summary>The regions, by <see cref="RegionIndex"/>.</summary>
    IReadOnlyList<DeviceRegion> Regions { get; }

    /// <summary>How many vectors each interrupt type has, by <see cref="IrqIndex"/>.</summary>
    IReadOnlyList<int> IrqCounts { get; }

    /// <summary>Called once, before anything else: how the device reaches whichever client is connected.</summary>
    void Attach(IVfioUserClient client);

    /// <summary>A client has connected. Its memory follows, range by range.</summary>
    void ClientConnected()
    {
    }

    /// <summary>The client has disconnected, and its memory and interrupts are gone.</summary>
    void ClientDisconnected()
    {
    }

    /// <summary>Reads from a region.</summary>
    /// <param name="region">A <see cref="RegionIndex"/>.</param>
    /// <param name="offset">Bytes from its start.</param>
    /// <param name="data">To be filled; at least one byte, all inside the region.</param>
    /// <returns><see cref="Errno.None"/>, or the error of the reply.</returns>
    Errno ReadRegion(int region, ulong offset, Span<byte> data);

    /// <summary>Writes to a region.</summary>
    /// <param name="region">A <see cref="RegionIndex"/>.</param>
    /// <param name="offset">Bytes from its start.</param>
    /// <param name="data">At least one byte, all inside the region.</param>
    /// <returns><see cref="Errno.None"/>, or the error of the reply.</returns>
    Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data);

    /// <summary>
    /// VFIO_USER_DEVICE_RESET: a function reset. QEMU sends it at power-on, reboot, secondary bus reset and hot-plug.
    /// </summary>
    void Reset();

    /// <summary>Guest memory can be used now.</summary>
    void DmaMapped(DmaRange range)
    {
    }

    /// <summary>Guest memory is about to be unmapped. On return nobody that it was passed to uses it.</summary>
    /// <param name="ranges">At least one, in the order of addresses, with no other range between them.</param>
    void DmaUnmapping(ReadOnlySpan<DmaRange> ranges)
    {
    }
}
