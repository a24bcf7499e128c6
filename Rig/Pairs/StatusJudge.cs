using EpfTest.Rig.Guests;

namespace EpfTest.Rig.Pairs;

/// <summary>Shows what the guests' scripts print, and judges a run by their exit statuses.</summary>
/// <param name="output">Where to show it.</param>
internal sealed class StatusJudge(RunOutput output) : IPairJudge
{
    /// <inheritdoc/>
    public string Awaited => "";

    /// <inheritdoc/>
    public TimeSpan ProgressLimit => TimeSpan.Zero;

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
                output.Say($"{guest.Script} ended with {guest.Status}");
                status = status == 0 ? guest.Status.Value : status;
            }
        }

        return status;
    }
}
