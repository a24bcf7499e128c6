namespace EpfTest.Rig.Pairs;

/// <summary>A link: it joins an EP guest and a host guest by two processes.</summary>
/// <param name="Ep">The EP guest.</param>
/// <param name="Host">The host guest.</param>
/// <param name="EpcDevice">The EP side's process.</param>
/// <param name="EpfBridge">The host side's.</param>
/// <param name="Sockets">The sockets of both.</param>
internal sealed record PairLink(
    PairGuest Ep, PairGuest Host, DeviceProcess EpcDevice, DeviceProcess EpfBridge, LinkSockets Sockets)
{
    /// <summary>Carries the link between the two, as between two machines; null if they are joined directly.</summary>
    public DeviceProcess? Relay { get; init; }

    /// <summary>All processes, in the order in which they start.</summary>
    public IEnumerable<DeviceProcess> Processes =>
        Relay is null ? [EpcDevice, EpfBridge] : [EpcDevice, Relay, EpfBridge];
}
