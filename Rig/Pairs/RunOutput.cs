using EpfTest.Rig.Terminal;

namespace EpfTest.Rig.Pairs;

/// <summary>What a run prints: results on stdout, messages for people on stderr.</summary>
/// <param name="results">stdout.</param>
/// <param name="messages">stderr.</param>
internal sealed class RunOutput(TextWriter results, TextWriter messages)
{
    private const string Mark = "epftest: ";

    /// <summary>The terminal that shows both; null if not both go to one.</summary>
    public TerminalProgress? Terminal { get; set; }

    /// <summary>A result.</summary>
    public void Print(string line) => Write(results, line);

    /// <summary>A message.</summary>
    public void Say(string line) => Write(messages, line);

    /// <summary>A line of a guest's script.</summary>
    public void ScriptLine(PairGuest guest, string line)
    {
        bool isMarked = guest.Role == GuestRole.Host && line.StartsWith(Mark, StringComparison.Ordinal);
        Print($"{guest.Label,-4} | {(isMarked ? line[Mark.Length..] : line)}");
    }

    private void Write(TextWriter writer, string line)
    {
        if (Terminal is { } terminal)
        {
            terminal.Print(line);
        }
        else
        {
            writer.WriteLine(line);
        }
    }
}
