using System.Globalization;
using System.Text.Json;
using EpfTest.Bench.Measurement;

namespace EpfTest.Bench;

/// <summary>Prints each row when it is measured, and writes all of them as JSON at the end.</summary>
internal sealed class Report
{
    private const int NameWidth = 60;

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    private readonly List<Row> _rows = [];

    public static void WriteHead() => WriteLine("", "figure", "reference", "ratio", "goal", "");

    /// <summary>Prints a row and keeps it.</summary>
    public void Add(Row row)
    {
        _rows.Add(row);
        string verdict = row.Holds switch
        {
            true => "holds",
            false => "MISSES",
            null => "",
        };
        WriteLine(
            row.Name,
            $"{Number(row.Figure)} {row.Unit}",
            Number(row.Reference),
            double.IsNaN(row.Ratio) ? "" : row.Ratio.ToString("0.00", CultureInfo.InvariantCulture),
            row.Goal.Text(row.Unit),
            verdict);
    }

    /// <summary>Prints the rows that missed their goal.</summary>
    /// <returns>Whether there are none.</returns>
    public bool WriteVerdict()
    {
        Row[] missed = [.. _rows.Where(row => row.Holds == false)];
        int held = _rows.Count(row => row.Holds == true);
        Console.WriteLine();
        foreach (Row row in missed)
        {
            Console.WriteLine($"misses its goal: {row.Name}");
        }

        Console.WriteLine($"{held} goals hold, {missed.Length} missed");
        return missed.Length == 0;
    }

    /// <summary>Writes all rows with the figures of each round.</summary>
    public void WriteJson(string path) => File.WriteAllText(
        path,
        JsonSerializer.Serialize(
            _rows.Select(row => new
            {
                row.Name,
                row.Unit,
                row.Figure,
                Reference = Optional(row.Reference),
                Ratio = Optional(row.Ratio),
                Goal = row.Goal.Text(row.Unit),
                row.Holds,
                row.Figures,
                row.References,
            }),
            s_json) + '\n');

    private static double? Optional(double value) => double.IsNaN(value) ? null : value;

    private static void WriteLine(
        string name, string figure, string reference, string ratio, string goal, string verdict) =>
        Console.WriteLine(
            $"{name.PadRight(NameWidth)} {figure,16} {reference,10} {ratio,6}  {goal,-10} {verdict}".TrimEnd());

    private static string Number(double value) => double.IsNaN(value)
        ? ""
        : value.ToString(Math.Abs(value) < 100 ? "0.00" : "0", CultureInfo.InvariantCulture);
}
