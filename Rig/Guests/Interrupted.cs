namespace EpfTest.Rig.Guests;

/// <summary>The user or the system wants us to end.</summary>
/// <param name="By">What says so, such as Ctrl-C.</param>
/// <param name="Status">Our exit code.</param>
internal sealed record Interrupted(string By, int Status) : RigEvent;
