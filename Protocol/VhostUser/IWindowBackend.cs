namespace EpfTest.Protocol.VhostUser;

/// <summary>Asks a running QEMU to change what is mapped in a device's shared-memory region.</summary>
internal interface IWindowBackend
{
    /// <summary>
    /// Has mappings taken away and made, in this order, and waits until QEMU has applied all of it: a register that a
    /// processor of the guest reads afterwards by way of a trap is a barrier between what was there and what is.
    /// </summary>
    /// <param name="unmap">Mappings as they were made.</param>
    /// <param name="map">Mappings that overlap none that is left.</param>
    /// <param name="mapped">For each of <paramref name="map"/> whether it was made.</param>
    /// <returns>False where the device was stopped meanwhile, so that nothing is mapped; or QEMU did not answer, so that
    /// what is mapped is not known, and no other request will be answered.</returns>
    bool Change(IReadOnlyList<WindowMapping> unmap, IReadOnlyList<WindowMapping> map, Span<bool> mapped);
}
