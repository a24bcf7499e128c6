namespace EpfTest.Bench.Measurement;

/// <summary>The value that a goal is about.</summary>
internal enum GoalKind
{
    None,
    /// <summary>Figure / reference, which has to be small: for times.</summary>
    RatioAtMost,
    /// <summary>Figure / reference, which has to be large: for rates.</summary>
    RatioAtLeast,
    AtMost,
}
