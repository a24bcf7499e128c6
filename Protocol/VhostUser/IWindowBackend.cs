namespace EpfTest.Protocol.VhostUser;

/// <summary>Changes the mappings in a device's shared-memory region in a running QEMU.</summary>
internal interface IWindowBackend
{
    /// <summary>
    /// Removes and adds mappings, in this order, and waits until QEMU has applied all of it. A trapped register read by
    /// a processor of the guest is then a barrier between the old mappings and the new ones.
    /// </summary>
    /// <param name="unmap">Present mappings, exactly as they were added.</param>
    /// <param name="map">Mappings that overlap no remaining one.</param>
    /// <param name="mapped">For each of <paramref name="map"/>, whether it was added.</param>
    /// <returns>False if the device was stopped meanwhile, so that nothing is mapped, or if QEMU did not answer, so
    /// that the mappings are unknown and no later request will succeed.</returns>
    bool Change(IReadOnlyList<WindowMapping> unmap, IReadOnlyList<WindowMapping> map, Span<bool> mapped);
}
