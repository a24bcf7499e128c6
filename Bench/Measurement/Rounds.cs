using System.Diagnostics;

namespace EpfTest.Bench.Measurement;

/// <summary>Measures in rounds: figure and reference in each, in alternating order.</summary>
/// <param name="count">Rounds of a row.</param>
internal sealed class Rounds(int count)
{
    // The runtime compiles what is called often once more, in a thread that has to find the time for it where
    // everything shares a core: after about two seconds.
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(3);

    public int Count { get; } = count;

    /// <summary>A row with a reference.</summary>
    /// <param name="name">The row's title.</param>
    /// <param name="unit">Unit of the results of both functions.</param>
    /// <param name="goal">The row's goal.</param>
    /// <param name="figure">Measures once.</param>
    /// <param name="reference">Measures the reference once.</param>
    /// <param name="warmUp">False if each measurement starts a process.</param>
    public Row Compare(
        string name, string unit, Goal goal, Func<double> figure, Func<double> reference, bool warmUp = true)
    {
        double[] figures = new double[Count];
        double[] references = new double[Count];

        // The first measurement faults pages in.
        _ = reference();
        long start = Stopwatch.GetTimestamp();
        do
        {
            _ = figure();
        }
        while (warmUp && Stopwatch.GetElapsedTime(start) < s_warmUp);
        for (int round = 0; round < Count; round++)
        {
            if (round % 2 == 1)
            {
                references[round] = reference();
            }

            figures[round] = figure();
            if (round % 2 == 0)
            {
                references[round] = reference();
            }
        }

        return new Row(name, unit, goal, figures, references);
    }

    /// <summary>A row without a reference.</summary>
    public Row Take(string name, string unit, Goal goal, Func<double> figure) =>
        new(name, unit, goal, [.. Enumerable.Range(0, Count).Select(_ => figure())], []);
}
