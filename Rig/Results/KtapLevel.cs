namespace EpfTest.Rig.Results;

/// <summary>One level of nested KTAP: the subtests of one test.</summary>
internal sealed class KtapLevel(int depth)
{
    public int Depth { get; } = depth;

    /// <summary>Number of tests that the plan announces, or null before the plan.</summary>
    public int? Planned { get; set; }

    public int Ended { get; set; }

    public bool HasFailed { get; set; }

    /// <summary>The subtest's name, if a line "# Subtest:" has given it.</summary>
    public string Name { get; set; } = "";

    public bool IsComplete => Planned == Ended;
}
