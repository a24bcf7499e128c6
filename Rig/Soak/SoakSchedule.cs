namespace EpfTest.Rig.Soak;

/// <summary>How a soak's time is divided.</summary>
/// <param name="Minutes">All of it.</param>
internal sealed record SoakSchedule(int Minutes)
{
    // Growth needs at least three minutes.
    private const int MinFlapSeconds = 180;

    /// <summary>Seconds of cycles without faults: two fifths.</summary>
    public int FlapSeconds => Math.Max(Minutes * 24, MinFlapSeconds);

    public int FaultSeconds => (Minutes * 60) - FlapSeconds;

    /// <summary>The least number of rounds of each fault: two in three minutes.</summary>
    public int Rounds => ((Minutes * 2) + 2) / 3;

    /// <summary>The word on the guests' command lines that tells the scripts.</summary>
    public string KernelWord => $"epftest.soak={FlapSeconds},{FaultSeconds},{Rounds}";

    public override string ToString() =>
        $"{Minutes} minutes, of which {FaultSeconds / 60} min {FaultSeconds % 60} s with at least {Rounds} rounds of "
        + "each fault";
}
