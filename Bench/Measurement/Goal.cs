using System.Globalization;

namespace EpfTest.Bench.Measurement;

/// <summary>What a row has to reach.</summary>
/// <param name="Kind">What is looked at.</param>
/// <param name="Limit">The bound, which itself is good enough.</param>
internal readonly record struct Goal(GoalKind Kind, double Limit)
{
    /// <summary>The row informs only.</summary>
    public static readonly Goal None = new(GoalKind.None, 0);

    /// <summary>The figure takes at most so many times as long as the reference.</summary>
    public static Goal RatioAtMost(double limit) => new(GoalKind.RatioAtMost, limit);

    /// <summary>The figure is at least so many times the reference's rate.</summary>
    public static Goal RatioAtLeast(double limit) => new(GoalKind.RatioAtLeast, limit);

    /// <summary>The figure itself is at most so much.</summary>
    public static Goal AtMost(double limit) => new(GoalKind.AtMost, limit);

    /// <summary>Whether it is reached; null where there is nothing to reach.</summary>
    /// <param name="figure">The row's figure.</param>
    /// <param name="ratio">The figure by the reference; NaN where there is none, which reaches no ratio.</param>
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
