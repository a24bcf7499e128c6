using System.Text.RegularExpressions;

namespace EpfTest.Rig.Results;

/// <summary>
/// Reads a test's KTAP line by line: that of the kernel's self-tests, with their line for a case's start, and nested
/// KTAP (Documentation/dev-tools/ktap.rst). Of nested tests the innermost are cases; a test around them is one only if
/// it failed while none of them did, or did not run all that it had planned.
/// </summary>
internal sealed partial class KtapReader
{
    private readonly Stack<KtapLevel> _levels = new([new KtapLevel(0)]);
    private readonly List<string> _notes = [];
    private TimeSpan _start;

    /// <summary>The case that runs, as the test names it, or null.</summary>
    public string? Current { get; private set; }

    /// <summary>Number of tests that the outermost plan announces; 0 before it.</summary>
    public int Planned => _levels.Last().Planned ?? 0;

    /// <summary>Number of tests of the outermost plan that have ended.</summary>
    public int Ended => _levels.Last().Ended;

    /// <summary>Reads a line that arrived at <paramref name="time"/>.</summary>
    /// <returns>The case that ended with this line, or null.</returns>
    public CaseResult? Read(TimeSpan time, string line)
    {
        int depth = DepthOf(ref line);
        if (PlanLine().Match(line) is { Success: true } plan)
        {
            LevelAt(depth).Planned = int.Parse(plan.Groups[1].ValueSpan);
        }
        else if (VersionLine().IsMatch(line) && depth > _levels.Peek().Depth)
        {
            _levels.Push(new KtapLevel(depth));
        }
        else if (SubtestLine().Match(line) is { Success: true } subtest)
        {
            LevelAt(depth).Name = subtest.Groups[1].Value;
        }
        else if (RunLine().Match(line) is { Success: true } run)
        {
            Current = run.Groups[1].Value;
            _start = time;
            _notes.Clear();
        }
        else if (ResultLine().Match(line) is { Success: true } result)
        {
            return End(time, depth, result);
        }
        else if (line.StartsWith("# ", StringComparison.Ordinal) && !HarnessLine().IsMatch(line))
        {
            _notes.Add(line[2..]);
        }
        else if (line.StartsWith("Bail out!", StringComparison.Ordinal))
        {
            _notes.Add(line);
        }

        return null;
    }

    /// <summary>The case that runs ends as failed, because the run does.</summary>
    public CaseResult? Abandon(TimeSpan time) =>
        Current == null ? null : Case(time, Current, CaseStatus.Failed);

    private CaseResult? End(TimeSpan time, int depth, Match result)
    {
        KtapLevel? inner = null;
        while (_levels.Peek().Depth > depth)
        {
            inner = _levels.Pop();
        }

        KtapLevel level = LevelAt(depth);
        level.Ended++;
        string reason = result.Groups["reason"].Value;

        // kselftest.h's skip has the case's name after the directive.
        string name = result.Groups["name"].Value is { Length: > 0 } given ? given : reason;
        name = level.Name == "" ? name : $"{level.Name}.{name}";
        string directive = result.Groups["directive"].Value;
        bool incomplete = inner is { Planned: not null, IsComplete: false };
        CaseStatus status = result.Groups["not"].Success || incomplete ? CaseStatus.Failed
            : directive == "SKIP" ? CaseStatus.Skipped
            : CaseStatus.Passed;
        level.HasFailed |= status == CaseStatus.Failed;
        if (inner is { Ended: > 0 } && !incomplete && (inner.HasFailed || status != CaseStatus.Failed))
        {
            return null;
        }

        if (incomplete)
        {
            _notes.Add($"it ended after {inner!.Ended} of {inner.Planned} subtests");
        }

        return Case(time, name, status) with { Directive = directive, Reason = reason };
    }

    private CaseResult Case(TimeSpan time, string name, CaseStatus status)
    {
        TimeSpan duration = name == Current ? time - _start : TimeSpan.Zero;
        var result = new CaseResult(name, status, duration) { Notes = [.. _notes] };
        Current = null;
        _notes.Clear();
        return result;
    }

    private KtapLevel LevelAt(int depth)
    {
        if (_levels.Peek().Depth < depth)
        {
            _levels.Push(new KtapLevel(depth));
        }

        return _levels.Peek();
    }

    /// <summary>
    /// Removes what marks a line as a subtest's: two spaces a level, or "# " by the runner of kernel self-tests, which
    /// also begins an ordinary comment: that is a mark only for KTAP, or when its KTAP has begun.
    /// </summary>
    private int DepthOf(ref string line)
    {
        int depth = 0;
        while (line.StartsWith("  ", StringComparison.Ordinal))
        {
            line = line[2..];
            depth++;
        }

        while (line.StartsWith("# ", StringComparison.Ordinal)
            && (VersionLine().IsMatch(line[2..]) || (depth < _levels.Peek().Depth && !SubtestLine().IsMatch(line))))
        {
            line = line[2..];
            depth++;
        }

        return depth;
    }

    [GeneratedRegex(@"^1\.\.(\d+)")]
    private static partial Regex PlanLine();

    [GeneratedRegex(@"^K?TAP version \d")]
    private static partial Regex VersionLine();

    [GeneratedRegex("^# Subtest: (.*?) *$")]
    private static partial Regex SubtestLine();

    [GeneratedRegex(@"^# +RUN +([^ ]+)")]
    private static partial Regex RunLine();

    [GeneratedRegex(
        @"^(?<not>not )?ok \d+ (- )?(?<name>[^#]*?) *(# (?<directive>SKIP|XFAIL|XPASS|TODO)? ?(?<reason>.*))?$")]
    private static partial Regex ResultLine();

    [GeneratedRegex("^# +(OK|FAIL|SKIP|Starting|PASSED:|FAILED:|Totals:)( |$)")]
    private static partial Regex HarnessLine();
}
