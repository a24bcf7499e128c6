using System.Globalization;
using Spectre.Console;

namespace EpfTest.Rig.Terminal;

/// <summary>
/// What a run prints on a terminal: lines as elsewhere, the words of cases in colour, and below them what is under way
/// and for how long.
/// </summary>
internal sealed class TerminalProgress : IDisposable
{
    private const int WordColumn = 2;
    private const int WordWidth = 4;
    private static readonly TimeSpan s_refresh = TimeSpan.FromMilliseconds(250);

    private readonly IAnsiConsole _console;
    private readonly Func<TimeSpan> _now;
    private readonly TaskCompletionSource _started = new();
    private readonly ManualResetEventSlim _ended = new();
    private readonly Task _showing;
    private string _step = "starting";
    private TimeSpan _began;

    /// <param name="console">The terminal.</param>
    /// <param name="now">The time since the run began.</param>
    public TerminalProgress(IAnsiConsole console, Func<TimeSpan> now)
    {
        (_console, _now) = (console, now);
        _showing = Task.Factory.StartNew(
            () => _console.Status().Start(StatusText(), Show),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        // The library hides the cursor without its lock, which would cut a line of ours in two.
        Task.WaitAny(_started.Task, _showing);
    }

    /// <summary>Says what is under way from now on.</summary>
    public void Step(string what)
    {
        lock (_ended)
        {
            (_step, _began) = (what, _now());
        }
    }

    /// <summary>Prints a line above that.</summary>
    public void Print(string line)
    {
        string word = line.Length > WordColumn + WordWidth ? line.Substring(WordColumn, WordWidth).Trim() : "";
        string? colour = line.StartsWith("  ", StringComparison.Ordinal) ? ColourOf(word) : null;
        _console.MarkupLine(colour is null
            ? Markup.Escape(line)
            : $"{line[..WordColumn]}[{colour}]{line.Substring(WordColumn, WordWidth)}[/]"
                + Markup.Escape(line[(WordColumn + WordWidth)..]));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.Set();
        _showing.Wait();
        _ended.Dispose();
    }

    private static string? ColourOf(string word) => word switch
    {
        "ok" => "green",
        "FAIL" or "SKIP" => "red",
        "skip" => "yellow",
        _ => null,
    };

    private void Show(StatusContext context)
    {
        _started.SetResult();
        while (!_ended.Wait(s_refresh))
        {
            context.Status(StatusText());
        }
    }

    private string StatusText()
    {
        lock (_ended)
        {
            string seconds = (_now() - _began).TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
            return $"{Markup.Escape(_step)}, {seconds} s";
        }
    }
}
