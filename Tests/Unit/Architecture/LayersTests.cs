using System.Text.RegularExpressions;
using EpfTest.Kit;

namespace EpfTest.Unit.Architecture;

/// <summary>Folders use each other as the table "Layers" of docs/architecture.md allows.</summary>
internal sealed partial class LayersTests
{
    // What the table does not allow and the code still does. Remove an entry with the last use; add none.
    private static readonly string[] s_exceptions = [];

    private static readonly Dictionary<string, string[]> s_table = ReadTable();

    private static readonly IReadOnlySet<(string From, string To)> s_arrows = FolderArrows.Read();

    [Test]
    public void FoldersUseOnlyWhatTheTableAllows() => Assert.That(
        s_arrows.Where(arrow => !IsAllowed(arrow.From, arrow.To)).Select(arrow => $"{arrow.From} -> {arrow.To}"),
        Is.EquivalentTo(s_exceptions));

    [Test]
    public void NoFolderIsInACycle()
    {
        var rest = s_arrows.Where(arrow => !s_exceptions.Contains($"{arrow.From} -> {arrow.To}")).ToHashSet();

        // An arrow to a folder that uses nothing more is in no cycle.
        while (rest.RemoveWhere(arrow => rest.All(next => next.From != arrow.To)) > 0)
        {
        }

        Assert.That(rest, Is.Empty, "cycles, and what leads into them");
    }

    [Test]
    public void EachRowOfTheTableIsAFolder() =>
        Assert.That(s_table.Keys.Where(row => !Directory.Exists(Path.Combine(Repository.Root, row))), Is.Empty);

    private static bool IsAllowed(string from, string to)
    {
        string user = RowOf(from);
        string used = RowOf(to);
        return user == used
            ? !from.StartsWith(to + '/', StringComparison.Ordinal)
            : s_table[user].Contains(used)
                || (used.StartsWith("Protocol/", StringComparison.Ordinal) && s_table[user].Contains("Protocol"));
    }

    private static string RowOf(string folder) =>
        s_table.ContainsKey(folder) ? folder : RowOf(Path.GetDirectoryName(folder)!);

    private static Dictionary<string, string[]> ReadTable() =>
        File.ReadLines(Path.Combine(Repository.Root, "docs", "architecture.md"))
            .SkipWhile(line => line != "## Layers")
            .SkipWhile(line => line != "| folder | may use |")
            .Skip(2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => Quoted().Matches(line).Select(match => match.Groups[1].Value).ToArray())
            .ToDictionary(names => names[0], names => names[1..]);

    [GeneratedRegex("`([^`]*)`")]
    private static partial Regex Quoted();
}
