using System.Collections.Concurrent;
using System.Diagnostics;
using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Guests;

/// <summary>The events of a run, in the order in which they happened. One thread takes them.</summary>
internal sealed class EventQueue
{
    private readonly BlockingCollection<RigEvent> _events = [];
    private readonly long _begin = Stopwatch.GetTimestamp();

    /// <summary>The time since the queue was made.</summary>
    public TimeSpan Now => Stopwatch.GetElapsedTime(_begin);

    public void Post(RigEvent happened) => _events.Add(happened);

    /// <summary>The next event; null if none happens within the limit.</summary>
    public RigEvent? Next(TimeSpan limit) => _events.TryTake(out RigEvent? next, limit) ? next : null;

    /// <summary>Waits for a task before the run begins, when there are no events but signals.</summary>
    /// <exception cref="RunEndedException">The run is to end.</exception>
    public void WaitFor(Task task)
    {
        task.ContinueWith(_ => Post(new TaskDone()), TaskScheduler.Default);
        if (_events.Take() is Interrupted interrupted)
        {
            throw new RunEndedException(interrupted.Status, $"interrupted by {interrupted.By}");
        }
    }
}
