namespace EpfTest.Bench.Measurement;

/// <summary>A line of the table: a figure measured several times, each time beside a reference.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">Of figures and references.</param>
/// <param name="Goal">What it has to reach.</param>
/// <param name="Figures">One for each round.</param>
/// <param name="References">The same number, or none.</param>
internal sealed record Row(
    string Name, string Unit, Goal Goal, IReadOnlyList<double> Figures, IReadOnlyList<double> References)
{
    /// <summary>The median of the rounds.</summary>
    public double Figure => Median.Of(Figures);

    /// <summary>The median of the rounds; NaN where there is no reference.</summary>
    public double Reference => References.Count > 0 ? Median.Of(References) : double.NaN;

    /// <summary>Each round's figure by the reference measured beside it.</summary>
    public IEnumerable<double> Ratios => Figures.Zip(References, (figure, reference) => figure / reference);

    /// <summary>
    /// The median of the rounds' ratios: as a machine's speed drifts, figure and reference of a round have more in
    /// common than the medians of all have. NaN where there is no reference.
    /// </summary>
    public double Ratio => References.Count > 0 ? Median.Of([.. Ratios]) : double.NaN;

    /// <summary>Whether the goal is reached; null where there is none.</summary>
    public bool? Holds => Goal.Holds(Figure, Ratio);
}
