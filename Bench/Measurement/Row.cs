namespace EpfTest.Bench.Measurement;

/// <summary>A line of the table: a figure measured several times, each time beside a reference.</summary>
/// <param name="Name">The row's title.</param>
/// <param name="Unit">Unit of figures and references.</param>
/// <param name="Goal">The row's goal.</param>
/// <param name="Figures">One for each round.</param>
/// <param name="References">One for each round, or none.</param>
internal sealed record Row(
    string Name, string Unit, Goal Goal, IReadOnlyList<double> Figures, IReadOnlyList<double> References)
{
    /// <summary>The median of the rounds.</summary>
    public double Figure => Median.Of(Figures);

    /// <summary>The median of the rounds; NaN without a reference.</summary>
    public double Reference => References.Count > 0 ? Median.Of(References) : double.NaN;

    /// <summary>Figure / reference of each round.</summary>
    public IEnumerable<double> Ratios => Figures.Zip(References, (figure, reference) => figure / reference);

    /// <summary>
    /// The median of the rounds' ratios, which is steadier than the ratio of the medians while a machine's speed
    /// drifts. NaN without a reference.
    /// </summary>
    public double Ratio => References.Count > 0 ? Median.Of([.. Ratios]) : double.NaN;

    /// <summary>Whether the goal is reached; null if there is none.</summary>
    public bool? Holds => Goal.Holds(Figure, Ratio);
}
