using System.Globalization;
using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Pairs;

/// <summary>The time limits of a run: one for what is awaited now, one for the whole.</summary>
/// <param name="now">The time since the run began.</param>
internal sealed class Watchdog(Func<TimeSpan> now)
{
    private string _what = "";
    private TimeSpan _limit;
    private TimeSpan _end = TimeSpan.MaxValue;
    private TimeSpan _runLimit;
    private TimeSpan _runEnd = TimeSpan.MaxValue;

    /// <summary>The time until a limit passes.</summary>
    public TimeSpan Remaining
    {
        get
        {
            TimeSpan end = _end < _runEnd ? _end : _runEnd;
            return end == TimeSpan.MaxValue ? TimeSpan.FromDays(1)
                : end > now() ? end - now()
                : TimeSpan.Zero;
        }
    }

    /// <summary>Until the next call, the run ends after <paramref name="limit"/> with "timeout: WHAT within N s"; zero
    /// is no limit.</summary>
    public void WatchFor(string what, TimeSpan limit) => (_what, _limit, _end) = (what, limit, End(limit));

    /// <summary>The same for the whole run.</summary>
    public void LimitRun(TimeSpan limit) => (_runLimit, _runEnd) = (limit, End(limit));

    /// <exception cref="RunEndedException">A limit has passed.</exception>
    public void Check()
    {
        if (now() >= _end)
        {
            throw new RunEndedException(RunEndedException.TimedOut, $"timeout: {_what} within {Seconds(_limit)} s");
        }

        if (now() >= _runEnd)
        {
            throw new RunEndedException(
                RunEndedException.TimedOut,
                $"timeout: the run did not end within {Seconds(_runLimit)} s (--timeout): {_what}");
        }
    }

    private static string Seconds(TimeSpan limit) => limit.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);

    private TimeSpan End(TimeSpan limit) => limit == TimeSpan.Zero ? TimeSpan.MaxValue : now() + limit;
}
