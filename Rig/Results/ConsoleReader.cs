using System.Text.RegularExpressions;

namespace EpfTest.Rig.Results;

/// <summary>
/// Finds the kernel's reports in a guest's console: warnings, oopses, panics, those of lockdep and the sanitizers, hung
/// tasks, stalls, leaks. A report ends with the kernel's mark, with the next report or boot, or where no more of its
/// call trace comes.
/// </summary>
internal sealed partial class ConsoleReader
{
    // A report ends when so many lines after its trace are none of it, or when so many come before a trace does.
    private const int LinesAfterTrace = 8;
    private const int LinesBeforeTrace = 60;

    // So many lines of a report without a trace are taken for its own.
    private const int LinesWithoutTrace = 10;
    private const int LongestReport = 400;
    private const int LongestPreamble = 4;

    private readonly List<ConsoleReport> _reports = [];
    private readonly List<string> _lines = [];

    // "[ cut here ]" or a line of equals signs, and what came after it: a warning's own text stands before "WARNING:".
    private readonly List<string> _preamble = [];
    private CallTrace _trace = new();
    private ReportKind? _kind;
    private string _title = "";
    private string _kernel = "";
    private int _number;
    private int _first;
    private int _idle;

    /// <summary>The reports of a whole console.</summary>
    public static IReadOnlyList<ConsoleReport> Read(IEnumerable<string> console)
    {
        var reader = new ConsoleReader();
        foreach (string line in console)
        {
            reader.Add(line);
        }

        return reader.Finish();
    }

    public void Add(string consoleLine)
    {
        _number++;
        string line = Time().Replace(consoleLine.TrimEnd('\r'), "");
        ReportKind? kind = ReportStart.KindOf(line, _preamble.LastOrDefault() ?? "");
        if (Boot().Match(line) is { Success: true } boot)
        {
            Close(Strangers);
            _kernel = boot.Groups[1].Value;
        }
        else if (kind != null && !Continues(kind.Value))
        {
            Open(kind.Value, line);
        }
        else if (_kind != null)
        {
            Continue(line);
            if (_kind == null)
            {
                _preamble.Clear();
                return;
            }
        }

        KeepPreamble(line, kind != null);
    }

    private void KeepPreamble(string line, bool isTitle)
    {
        bool goesOn = _preamble.Count is > 0 and < LongestPreamble && !isTitle;
        if (!goesOn || ReportStart.IsMark(line))
        {
            _preamble.Clear();
        }

        if (goesOn || ReportStart.IsMark(line))
        {
            _preamble.Add(line);
        }
    }

    /// <summary>Ends the last report.</summary>
    public IReadOnlyList<ConsoleReport> Finish()
    {
        Close(Strangers);
        return _reports;
    }

    // An access to a bad address is a "BUG:", or arm64's "Unable to handle", and then an "Oops:" or "Internal error:".
    private bool Continues(ReportKind kind) =>
        kind == ReportKind.Oops && _kind is ReportKind.Bug or ReportKind.Oops && !_trace.HasHeading;

    private void Open(ReportKind kind, string line)
    {
        if (_kind != null)
        {
            _lines.RemoveRange(_lines.Count - _preamble.Count, _preamble.Count);
            _idle = Math.Max(_idle - _preamble.Count, 0);
        }

        Close(Strangers);
        (_kind, _title, _trace, _first) = (kind, line, new CallTrace(), _number - _preamble.Count);
        _lines.AddRange([.. _preamble, line]);
        _preamble.Clear();
        if (kind == ReportKind.Kmemleak && !line.Contains("unreferenced", StringComparison.Ordinal))
        {
            Close(0);
        }
    }

    private void Continue(string line)
    {
        _lines.Add(line);
        _idle = _trace.Read(line) ? 0 : _idle + 1;
        if (EndMark().IsMatch(line) || (IsFramed && ReportStart.IsFrame(line)))
        {
            Close(0);
        }
        else if (_idle >= (_trace.HasHeading && !IsFramed ? LinesAfterTrace : LinesBeforeTrace))
        {
            Close(Strangers);
        }
        else if (_lines.Count >= LongestReport)
        {
            Close(0);
        }
    }

    // Number of lines at the end that are none of the report.
    private int Strangers => _trace.HasHeading ? _idle : Math.Max(0, _idle - LinesWithoutTrace);

    private bool IsFramed =>
        _kind is ReportKind.Kasan or ReportKind.Kfence or ReportKind.Kmsan or ReportKind.Kcsan;

    private void Close(int strangers)
    {
        if (_kind is { } kind)
        {
            _lines.RemoveRange(_lines.Count - strangers, strangers);
            string[] lines = [.. _lines];
            _reports.Add(new ConsoleReport(kind, _title, [.. _trace.Functions], lines)
            {
                FirstLine = _first,
                Kernel = _kernel,
            });
        }

        _lines.Clear();
        _kind = null;
        _idle = 0;
    }

    // "<6>[    1.843340][    T1] "
    [GeneratedRegex(@"^(<\d+>)?\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?")]
    private static partial Regex Time();

    [GeneratedRegex(@"^Linux version (\S+) ")]
    private static partial Regex Boot();

    [GeneratedRegex(@"^---\[ end ")]
    private static partial Regex EndMark();
}
