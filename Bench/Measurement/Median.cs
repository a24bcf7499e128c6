namespace EpfTest.Bench.Measurement;

/// <summary>The middle of some figures, which a disturbed run among them does not move.</summary>
internal static class Median
{
    /// <summary>The middle one, or the mean of the two in the middle.</summary>
    public static double Of(IReadOnlyCollection<double> figures)
    {
        ArgumentOutOfRangeException.ThrowIfZero(figures.Count);
        double[] sorted = [.. figures.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
