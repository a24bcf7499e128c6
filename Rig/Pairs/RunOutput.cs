namespace EpfTest.Rig.Pairs;

/// <summary>What a run prints: results on stdout, messages for people on stderr.</summary>
/// <param name="results">stdout.</param>
/// <param name="messages">stderr.</param>
internal sealed class RunOutput(TextWriter results, TextWriter messages)
{
    private const string Mark = "epftest: ";

    /// <summary>A result.</summary>
    public void Print(string line) => results.WriteLine(line);

    /// <summary>A message.</summary>
    public void Say(string line) => messages.WriteLine(line);

    /// <summary>A line of a guest's script.</summary>
    public void ScriptLine(PairGuest guest, string line)
    {
        bool isMarked = guest.Role == GuestRole.Host && line.StartsWith(Mark, StringComparison.Ordinal);
        Print($"{guest.Label,-4} | {(isMarked ? line[Mark.Length..] : line)}");
    }
}
