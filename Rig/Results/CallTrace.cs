using System.Text.RegularExpressions;

namespace EpfTest.Rig.Results;

/// <summary>
/// Collects the functions of a report's call trace, on x86 and on arm64. An entry with a question mark is a guess of
/// the kernel and does not count. Where a report has several traces, the first with a heading is the one that matters;
/// a report of KCSAN has no headings.
/// </summary>
internal sealed partial class CallTrace
{
    private readonly List<string> _headed = [];
    private readonly List<string> _unheaded = [];
    private string? _where;
    private bool _inHeaded;
    private bool _inTask;

    /// <summary>True once a heading "Call Trace:" has come.</summary>
    public bool HasHeading { get; private set; }

    public IReadOnlyList<string> Functions
    {
        get
        {
            List<string> trace = HasHeading ? _headed : _unheaded;

            // On arm64 the trace begins with the instruction's own function, on x86 it does not.
            return _where == null || trace.FirstOrDefault() == _where ? trace : [_where, .. trace];
        }
    }

    /// <summary>Reads a line of the report.</summary>
    /// <returns>True if it is part of a trace.</returns>
    public bool Read(string line)
    {
        if (Heading().IsMatch(line))
        {
            _inHeaded = !HasHeading;
            HasHeading = true;
            return true;
        }

        if (Mark().Match(line) is { Success: true } mark)
        {
            _inTask = !mark.Groups["end"].Success;
            return true;
        }

        if (Entry().Match(line) is { Success: true } entry)
        {
            if (!entry.Groups["guess"].Success)
            {
                Add(entry.Groups["name"].Value);
            }

            return true;
        }

        if (!HasHeading && Instruction().Match(line) is { Success: true } where)
        {
            _where ??= where.Groups["name"].Value;
        }

        // Another processor's line may come between. KASAN's other traces have titles that end with a colon.
        _inHeaded &= _inTask || !line.EndsWith(':');

        // x86 prints registers inside of its marks.
        return _inTask;
    }

    private void Add(string function)
    {
        if (!HasHeading)
        {
            _unheaded.Add(function);
        }
        else if (_inHeaded)
        {
            _headed.Add(function);
        }
    }

    [GeneratedRegex("^ *Call [Tt]race:")]
    private static partial Regex Heading();

    [GeneratedRegex("^ *<(?<end>/)?(TASK|IRQ|SOFTIRQ|NMI|EXCEPTION|#DF|#DB|ENTRY_TRAMPOLINE)>")]
    private static partial Regex Mark();

    // A suffix such as ".isra.0" is the compiler's.
    [GeneratedRegex(@"^ +(?<guess>\? )?(?<name>[A-Za-z_]\w*)(\.[\w.]+)?\+0x[0-9a-f]+/0x[0-9a-f]+( |$)")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^(RIP: [0-9a-f]{4}:|pc : )(?<name>[A-Za-z_]\w*)(\.[\w.]+)?\+0x")]
    private static partial Regex Instruction();
}
