using System.Globalization;

namespace EpfTest.Bench.Measurement;

/// <summary>The goal of a row.</summary>
/// <param name="Kind">The value that is compared.</param>
/// <param name="Limit">The bound, which reaches the goal.</param>
internal readonly record struct Goal(GoalKind Kind, double Limit)
{
    /// <summary>The row has no goal.</summary>
    public static readonly Goal None = new(GoalKind.None, 0);

    /// <summary>The figure is at most <paramref name="limit"/> times the reference: for times.</summary>
    public static Goal RatioAtMost(double limit) => new(GoalKind.RatioAtMost, limit);

    /// <summary>The figure is at least <paramref name="limit"/> times the reference: for rates.</summary>
    public static Goal RatioAtLeast(double limit) => new(GoalKind.RatioAtLeast, limit);

    /// <summary>The figure is at most <paramref name="limit"/>.</summary>
    public static Goal AtMost(double limit) => new(GoalKind.AtMost, limit);

    /// <summary>Whether the goal is reached; null if there is none.</summary>
    /// <param name="figure">The row's figure.</param>
    /// <param name="ratio">Figure / reference; NaN without a reference, which reaches no goal of a ratio.</param>
    public bool? Holds(double figure, double ratio) => Kind switch
    {
        GoalKind.RatioAtMost => ratio <= Limit,
        GoalKind.RatioAtLeast => ratio >= Limit,
        GoalKind.AtMost => figure <= Limit,
        _ => null,
    };

    /// <summary>The goal as the table shows it.</summary>
    /// <param name="unit">The figure's unit.</param>
    public string Text(string unit) => Kind switch
    {
        GoalKind.RatioAtMost => string.Create(CultureInfo.InvariantCulture, $"<= {Limit:0.00} x"),
        GoalKind.RatioAtLeast => string.Create(CultureInfo.InvariantCulture, $">= {Limit:0.00} x"),
        GoalKind.AtMost => string.Create(CultureInfo.InvariantCulture, $"<= {Limit:0.##} {unit}"),
        _ => "",
    };
}
