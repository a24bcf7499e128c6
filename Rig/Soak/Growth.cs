namespace EpfTest.Rig.Soak;

/// <summary>
/// How much a value grew from the second minute on: the medians of up to three minutes at either end are compared. A
/// single minute will not do: a garbage collection takes some megabytes and gives them back a minute later, and there
/// are ten minutes between two.
/// </summary>
internal static class Growth
{
    private const int Start = 120;
    private const int MinWidth = 30;
    private const int MaxWidth = 180;

    /// <summary>The growth in per cent, or null if an end has no samples.</summary>
    /// <param name="samples">Values with the second at which each was taken.</param>
    /// <param name="end">The second at which the comparison ends.</param>
    public static double? Percent(IEnumerable<(int Seconds, long Value)> samples, int end)
    {
        int width = Math.Clamp((end - Start) / 2, MinWidth, MaxWidth);
        long? first = Median(samples, Start, Start + width);
        long? last = Median(samples, end - width, end);
        return first is > 0 && last != null ? (last - first) * 100.0 / first : null;
    }

    private static long? Median(IEnumerable<(int Seconds, long Value)> samples, int from, int to)
    {
        long[] values =
        [
            .. samples.Where(sample => sample.Seconds >= from && sample.Seconds < to)
                .Select(sample => sample.Value).Order(),
        ];
        return values.Length == 0 ? null : values[(values.Length - 1) / 2];
    }
}
