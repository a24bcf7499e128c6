namespace EpfTest.Rig.Results;

/// <summary>The part of a console that shows why a run failed.</summary>
internal static class ConsoleExcerpt
{
    private const int LinesOfTrouble = 60;
    private const int LastLines = 15;

    /// <summary>The console from the first of <paramref name="reports"/> on, or its last lines.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<string> console, IReadOnlyList<ConsoleReport> reports) =>
        (reports.Count > 0 ? console.Skip(reports[0].FirstLine - 1).Take(LinesOfTrouble) : console.TakeLast(LastLines))
        .Select(line => line.TrimEnd('\r'));
}
