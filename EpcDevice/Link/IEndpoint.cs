namespace EpfTest.EpcDevice.Link;

/// <summary>The endpoint as the link reaches it. Implemented by the controller.</summary>
internal interface IEndpoint
{
    /// <summary>All functions, present or not, in the order of their numbers.</summary>
    IReadOnlyList<IFunction> Functions { get; }

    /// <summary>
    /// The bridge has connected (PERST# is deasserted) or gone (asserted; then the link is down, too).
    /// </summary>
    void HostPresenceChanged(bool present);

    /// <summary>
    /// Whether the EP guest has posted writes that have not been carried out: the completion of a read may not pass
    /// them.
    /// </summary>
    bool HasPendingPostedWrites { get; }

    /// <summary>Waits, for a limited time, until they have been carried out. Not for the receiving thread.</summary>
    /// <returns>False on time-out.</returns>
    bool DrainPostedWrites();

    /// <summary>
    /// Calls <paramref name="then"/> once the mapped window shows nothing of the host's memory but what it may show
    /// now: at once, or from another thread when the EP guest's QEMU has removed the mappings.
    /// </summary>
    void AfterReconcile(Action then);

    /// <summary>
    /// The host has lost the endpoint, but its QEMU keeps BARs mapped (--map-bars) and they cannot be taken away.
    /// </summary>
    void HostKeepsBars();
}
