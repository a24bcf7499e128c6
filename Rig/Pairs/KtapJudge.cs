using EpfTest.Rig.Guests;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Results;

namespace EpfTest.Rig.Pairs;

/// <summary>
/// Judges a run by the KTAP of one guest's script, the kernel's endpoint self-test or another test: shows each case
/// when it has ended. A skip has to be explained.
/// </summary>
/// <param name="judged">The name of that guest.</param>
/// <param name="limit">How long a case may take.</param>
/// <param name="output">Where to show the cases.</param>
/// <param name="junit">The JUnit file that is written at the end.</param>
internal sealed class KtapJudge(string judged, TimeSpan limit, RunOutput output, string junit) : IPairJudge
{
    private readonly KtapReader _reader = new();
    private readonly List<CaseResult> _cases = [];

    /// <summary>The test, in messages.</summary>
    public required string Test { get; init; }

    /// <summary>Explains the reason of a skip; null if nothing does.</summary>
    public required Func<string, string?> Explain { get; init; }

    /// <inheritdoc/>
    public string Awaited => _reader.Current is { } name ? CaseResult.TitleOf(name) : Test;

    /// <inheritdoc/>
    public TimeSpan ProgressLimit => limit;

    /// <inheritdoc/>
    public IReadOnlyList<CaseResult> Cases => _cases;

    /// <inheritdoc/>
    public int Planned => _reader.Planned;

    /// <inheritdoc/>
    public IReadOnlyList<string> Reasons =>
    [
        .. _cases.Where(item => item.Status == CaseStatus.Failed).Select(item => $"{item.Title} failed"),
        .. _cases.Where(item => item.IsUnexplained)
            .Select(item => $"{item.Title} was skipped, and nothing explains why: {item.Reason}"),
    ];

    /// <summary>The last line of the run.</summary>
    public string Counts => CaseCounts.Of(_cases).ToString();

    /// <inheritdoc/>
    public bool Take(PairGuest guest, GuestLine line)
    {
        if (guest.Name != judged || line.Text.StartsWith("epftest: ", StringComparison.Ordinal))
        {
            output.ScriptLine(guest, line.Text);
            return false;
        }

        Add(_reader.Read(line.Time, line.Text));
        return true;
    }

    /// <inheritdoc/>
    public void Abandon(TimeSpan time, string reason)
    {
        string during = _reader.Current is null ? "" : $"in {Awaited}, ";
        Add(_reader.Abandon(time));
        JUnitWriter.Write(junit, _cases, reason);
        if (_reader.Planned > 0)
        {
            output.Say($"the run ended {during}with {Counts} of {_reader.Planned} cases");
        }
    }

    /// <inheritdoc/>
    public int Finish(IReadOnlyList<PairGuest> guests)
    {
        PairGuest host = guests.First(guest => guest.Name == judged);
        string? trouble = _reader.Planned == 0 ? $"{Test} did not start (exit status {host.Status})"
            : _reader.Ended != _reader.Planned
                ? $"{Test} ended with status {host.Status} after {_reader.Ended} of {_reader.Planned} cases"
            : null;
        if (trouble is not null)
        {
            throw new RunEndedException(RunEndedException.Failed, trouble) { Guest = host.Name };
        }

        foreach (PairGuest guest in guests.Where(guest => guest != host && guest.Status != 0))
        {
            throw new RunEndedException(
                RunEndedException.Failed, $"{guest.Script} ended with {guest.Status} after the test")
            {
                Guest = guest.Name,
            };
        }

        JUnitWriter.Write(junit, _cases);
        return _cases.Any(item => item.Status == CaseStatus.Failed || item.IsUnexplained) ? 1 : 0;
    }

    private void Add(CaseResult? ended)
    {
        if (ended is null)
        {
            return;
        }

        if (ended.Status == CaseStatus.Skipped)
        {
            ended = ended with { Explanation = Explain(ended.Reason) };
        }

        _cases.Add(ended);
        foreach (string line in CaseLines.Of(ended))
        {
            output.Print(line);
        }
    }
}
