namespace EpfTest.Rig.Guests;

/// <summary>Something that happened in a run.</summary>
internal abstract record RigEvent;
