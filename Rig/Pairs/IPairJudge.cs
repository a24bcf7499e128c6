using EpfTest.Rig.Guests;

namespace EpfTest.Rig.Pairs;

/// <summary>Follows what the guests' scripts print, and judges the run.</summary>
internal interface IPairJudge
{
    /// <summary>What has made no progress when <see cref="ProgressLimit"/> passes.</summary>
    string Awaited { get; }

    /// <summary>How long what is judged may print nothing; zero is no limit.</summary>
    TimeSpan ProgressLimit { get; }

    /// <summary>Takes a line of a script.</summary>
    /// <returns>Whether it was one of what is judged, which so makes progress.</returns>
    bool Take(PairGuest guest, GuestLine line);

    /// <summary>The run was cut short.</summary>
    void Abandon(TimeSpan time, string reason);

    /// <summary>All guests have ended.</summary>
    /// <returns>The exit code of the run, 0 if it has passed.</returns>
    int Finish(IReadOnlyList<PairGuest> guests);
}
