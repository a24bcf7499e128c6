namespace EpfTest.Rig.Pairs;

/// <summary>A link: it joins an EP guest and a host guest by two processes.</summary>
/// <param name="Ep">The EP guest.</param>
/// <param name="Host">The host guest.</param>
/// <param name="EpcDevice">The EP side's process.</param>
/// <param name="EpfBridge">The host side's.</param>
/// <param name="Sockets">The sockets of both.</param>
internal sealed record PairLink(
    PairGuest Ep, PairGuest Host, DeviceProcess EpcDevice, DeviceProcess EpfBridge, LinkSockets Sockets);
