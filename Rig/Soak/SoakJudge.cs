using EpfTest.Rig.Guests;
using EpfTest.Rig.Pairs;
using EpfTest.Rig.Results;

namespace EpfTest.Rig.Soak;

/// <summary>Follows a soak: counts, and samples the processes, always at the same point of a cycle.</summary>
/// <param name="processes">The processes that are sampled: name, and the file that has their ID.</param>
/// <param name="samples">The file that keeps the samples.</param>
internal sealed class SoakJudge(
    IReadOnlyList<(string Name, string PidFile)> processes, string samples, RunOutput output) : IPairJudge
{
    private const int SampleSeconds = 5;
    private const int ReportSeconds = 60;

    // The longest step is a case of the self-test, which has a minute; the machine may be slow.
    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(180);

    private readonly SoakProgress _progress = new();
    private readonly List<ProcessSample> _samples = [];
    private int _nextSample;
    private int _nextReport;

    /// <summary>What the soak has shown, once it has ended.</summary>
    public SoakReport? Report { get; private set; }

    /// <inheritdoc/>
    public string Awaited => _progress.Step;

    /// <inheritdoc/>
    public TimeSpan ProgressLimit => s_step;

    /// <inheritdoc/>
    public IReadOnlyList<CaseResult> Cases => [];

    /// <inheritdoc/>
    public int Planned => 0;

    /// <inheritdoc/>
    public IReadOnlyList<string> Reasons => Report?.Losses ?? [];

    /// <inheritdoc/>
    public bool Take(PairGuest guest, GuestLine line)
    {
        int second = (int)line.Time.TotalSeconds;
        if (_progress.Take(second, line.Text) is { } remark)
        {
            output.Say(remark);
        }

        if (_progress.Began is { } began)
        {
            // A plugged device has descriptors and a thread of its own.
            if (line.Text.StartsWith("ok ", StringComparison.Ordinal)
                && line.Text.EndsWith("MSI_TEST", StringComparison.Ordinal))
            {
                Sample(second - began);
            }

            ShowProgress(second - began);
        }

        return true;
    }

    /// <inheritdoc/>
    public void Abandon(TimeSpan time, string reason) => MakeReport(reason);

    /// <inheritdoc/>
    public int Finish(IReadOnlyList<PairGuest> guests)
    {
        int status = guests.Select(guest => guest.Status ?? 0).FirstOrDefault(status => status != 0);
        return MakeReport(status == 0 ? "" : $"a script ended with {status}").Losses.Count == 0 ? 0 : 1;
    }

    private SoakReport MakeReport(string failure) => Report = new SoakReport(
        _progress, _samples, processes.Select(process => process.Name), failure,
        failure.StartsWith("timeout: ", StringComparison.Ordinal));

    private void Sample(int second)
    {
        if (second < _nextSample)
        {
            return;
        }

        _nextSample = second + SampleSeconds;
        foreach ((string name, string pidFile) in processes)
        {
            string id = File.ReadAllText(pidFile).Trim();
            if (ProcessSample.Take(second, name, $"/proc/{id}") is { } sample)
            {
                _samples.Add(sample);
                File.AppendAllText(samples, $"{sample}\n");
            }
        }
    }

    private void ShowProgress(int second)
    {
        if (second < _nextReport)
        {
            return;
        }

        _nextReport = second + ReportSeconds;
        output.Say($"{second / 60}m{second % 60:00}s: cycle {_progress.Cycles}, {_progress.FaultsOvercome} faults, "
            + $"{_progress.CasesPassed} cases passed, {_progress.CasesFailed} failed");
    }
}
