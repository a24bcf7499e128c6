namespace EpfTest.Protocol.VhostUser;

/// <summary>A virtio device with one shared-memory region, served by <see cref="VhostUserServer"/>.</summary>
internal interface IWindowDevice
{
    /// <summary>Bytes of the region.</summary>
    ulong Size { get; }

    /// <summary>The virtio configuration space; read-only.</summary>
    ReadOnlySpan<byte> Config { get; }

    /// <summary>The guest's driver is ready, and nothing is mapped. Requests may be sent from now on.</summary>
    void Started(IWindowBackend backend);

    /// <summary>
    /// The guest's driver or the whole guest is gone, and with it every mapping. Requests are no longer sent. Must not
    /// wait for QEMU, which waits for this call.
    /// </summary>
    void Stopped();
}
