namespace EpfTest.Bench.Measurement;

/// <summary>What a goal looks at.</summary>
internal enum GoalKind
{
    /// <summary>Nothing.</summary>
    None,
    /// <summary>The figure by the reference, which has to be small: times.</summary>
    RatioAtMost,
    /// <summary>The figure by the reference, which has to be large: rates.</summary>
    RatioAtLeast,
    /// <summary>The figure.</summary>
    AtMost,
}
