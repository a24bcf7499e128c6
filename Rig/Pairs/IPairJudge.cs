using EpfTest.Rig.Guests;
using EpfTest.Rig.Results;

namespace EpfTest.Rig.Pairs;

/// <summary>Follows what the guests' scripts print, and judges the run.</summary>
internal interface IPairJudge
{
    /// <summary>What has made no progress when <see cref="ProgressLimit"/> passes.</summary>
    string Awaited { get; }

    /// <summary>How long what is judged may print nothing; zero is no limit.</summary>
    TimeSpan ProgressLimit { get; }

    /// <summary>The cases that have ended; none if exit statuses judge.</summary>
    IReadOnlyList<CaseResult> Cases { get; }

    /// <summary>Number of cases that were planned.</summary>
    int Planned { get; }

    /// <summary>Why the run has not passed, as far as the judge can say.</summary>
    IReadOnlyList<string> Reasons { get; }

    /// <summary>Takes a line of a script.</summary>
    /// <returns>Whether it was one of what is judged, which so makes progress.</returns>
    bool Take(PairGuest guest, GuestLine line);

    /// <summary>The run was cut short.</summary>
    void Abandon(TimeSpan time, string reason);

    /// <summary>All guests have ended.</summary>
    /// <returns>The exit code of the run, 0 if it has passed.</returns>
    int Finish(IReadOnlyList<PairGuest> guests);
}
