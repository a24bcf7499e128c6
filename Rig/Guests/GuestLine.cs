namespace EpfTest.Rig.Guests;

/// <summary>A line that a guest's script has printed.</summary>
/// <param name="Guest">The guest.</param>
/// <param name="Time">When it arrived, since the run began.</param>
/// <param name="Text">The line.</param>
internal sealed record GuestLine(Guest Guest, TimeSpan Time, string Text) : RigEvent;
