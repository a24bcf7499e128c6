namespace EpfTest.Protocol.VhostUser;

/// <summary>A virtio device with one shared-memory region, which <see cref="VhostUserServer"/> serves.</summary>
internal interface IWindowDevice
{
    /// <summary>Bytes of the region.</summary>
    ulong Size { get; }

    /// <summary>The virtio configuration space; read-only.</summary>
    ReadOnlySpan<byte> Config { get; }

    /// <summary>The guest's driver is ready, and nothing is mapped: from now on there may be requests.</summary>
    void Started(IWindowBackend backend);

    /// <summary>
    /// The guest's driver has gone, or all of the guest: every mapping is forgotten. Nothing is sent any more when this is
    /// called; it must not wait for QEMU, which waits for it.
    /// </summary>
    void Stopped();
}
