namespace EpfTest.Bench.Measurement;

/// <summary>The median: a few disturbed measurements do not change it.</summary>
internal static class Median
{
    /// <summary>The middle figure, or the mean of the two in the middle.</summary>
    public static double Of(IReadOnlyCollection<double> figures)
    {
        ArgumentOutOfRangeException.ThrowIfZero(figures.Count);
        double[] sorted = [.. figures.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
