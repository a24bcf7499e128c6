namespace EpfTest.Rig.Pairs;

/// <summary>A run that is ready to start: any number of guests and links.</summary>
/// <param name="Guests">The guests.</param>
/// <param name="Links">What joins them.</param>
/// <param name="Limits">The time limits.</param>
/// <param name="HotPlug">Whether hosts boot without their endpoint, which is plugged in later.</param>
internal sealed record PairSetup(
    IReadOnlyList<PairGuest> Guests, IReadOnlyList<PairLink> Links, RunLimits Limits, bool HotPlug);
