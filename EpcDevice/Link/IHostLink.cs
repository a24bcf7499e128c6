namespace EpfTest.EpcDevice.Link;

/// <summary>The link to the host. Implemented by the endpoint's port to EpfBridge.</summary>
/// <remarks>For any thread, but never with the controller's lock held: <see cref="SetLink"/> waits for the other
/// process, for a limited time.</remarks>
internal interface IHostLink
{
    /// <summary>
    /// Brings the link up or down. Up: the bridge is told of every function and offers them to the host. Down: the host
    /// loses its devices; on return nothing of the host's is under way.
    /// </summary>
    /// <returns>Whether the link is up.</returns>
    bool SetLink(bool up);

    /// <summary>A function's way to the host.</summary>
    IFunctionPort PortOf(IFunction function);

    /// <summary>
    /// Set by the thread that serves the EP guest while it waits for a request to the host, its own or a DMA channel's.
    /// Until it is cleared, accesses of the host to private memory of the EP guest cannot complete.
    /// </summary>
    bool GuestWaits { set; }

    /// <summary>Whether reads travel as requests of which several may be under way.</summary>
    bool ReadsAhead { get; }

    /// <summary>Whether the link is up and the EP guest's QEMU could map none of the host's memory.</summary>
    bool SharesNoMemory { get; }
}
