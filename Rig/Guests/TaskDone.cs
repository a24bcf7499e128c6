namespace EpfTest.Rig.Guests;

/// <summary>Something for which the run waits has been done.</summary>
internal sealed record TaskDone : RigEvent;
