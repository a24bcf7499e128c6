namespace EpfTest.Rig.Guests;

/// <summary>A guest's QEMU has ended; all lines of its script came before. One that we have killed does not say
/// so.</summary>
/// <param name="Guest">The guest.</param>
/// <param name="Status">QEMU's exit status.</param>
internal sealed record GuestEnded(Guest Guest, int Status) : RigEvent;
