namespace EpfTest.Rig.Scenarios;

/// <summary>What says that a scenario has passed.</summary>
internal enum ScenarioVerdict
{
    /// <summary>Every guest's script exits with 0.</summary>
    ExitStatus,

    /// <summary>The host's script prints KTAP, and no case of it fails.</summary>
    Ktap,
}
