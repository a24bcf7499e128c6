using EpfTest.Rig.Guests;
using EpfTest.Rig.Results;

namespace EpfTest.Rig.Pairs;

/// <summary>Shows what the guests' scripts print, and judges a run by their exit statuses.</summary>
/// <param name="output">Where to show it.</param>
internal sealed class StatusJudge(RunOutput output) : IPairJudge
{
    private readonly List<string> _reasons = [];

    /// <inheritdoc/>
    public string Awaited => "";

    /// <inheritdoc/>
    public TimeSpan ProgressLimit => TimeSpan.Zero;

    /// <inheritdoc/>
    public IReadOnlyList<CaseResult> Cases => [];

    /// <inheritdoc/>
    public int Planned => 0;

    /// <inheritdoc/>
    public IReadOnlyList<string> Reasons => _reasons;

    /// <inheritdoc/>
    public bool Take(PairGuest guest, GuestLine line)
    {
        output.ScriptLine(guest, line.Text);
        return false;
    }

    /// <inheritdoc/>
    public void Abandon(TimeSpan time, string reason)
    {
    }

    /// <inheritdoc/>
    public int Finish(IReadOnlyList<PairGuest> guests)
    {
        // The host's script first: it is what the run is about.
        int status = 0;
        foreach (PairGuest guest in guests.OrderByDescending(guest => guest.Role))
        {
            if (guest.Status is not (null or 0))
            {
                _reasons.Add($"{guest.Script} ended with {guest.Status}");
                output.Say(_reasons[^1]);
                status = status == 0 ? guest.Status.Value : status;
            }
        }

        return status;
    }
}
