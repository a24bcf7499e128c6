namespace EpfTest.Rig.Guests;

/// <summary>EpcDevice or EpfBridge has ended, and we have not killed it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Status">Its exit status.</param>
internal sealed record ProcessEnded(string Name, int Status) : RigEvent;
