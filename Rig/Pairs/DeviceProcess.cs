using EpfTest.Rig.Guests;
using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Pairs;

/// <summary>EpcDevice, EpfBridge, or a relay between them, which a script may kill and start again.</summary>
/// <param name="spec">What to start.</param>
/// <param name="pidFile">Keeps its ID.</param>
/// <param name="starter">Starts it.</param>
/// <param name="events">Learns when it ends.</param>
internal sealed class DeviceProcess(ProcessSpec spec, string pidFile, IProcessStarter starter, EventQueue events)
{
    private IChildProcess? _running;

    public string Name => spec.Name;

    /// <summary>What it has logged.</summary>
    public string Log => spec.Log!;

    public int? EndedWith => _running is { Ended: { IsCompleted: true, Result: int status } } ? status : null;

    /// <summary>Starts it, for the first time or again. Its log is continued.</summary>
    public void Start()
    {
        IChildProcess child = starter.Start(spec);
        _running = child;
        File.WriteAllText(pidFile, $"{child.Id}\n");
        _ = ReportEndAsync(child);
    }

    /// <summary>Kills it, as a fault does.</summary>
    public void Kill()
    {
        if (Interlocked.Exchange(ref _running, null) is { } child)
        {
            child.Kill();
            child.Ended.Wait();
        }
    }

    private async Task ReportEndAsync(IChildProcess child)
    {
        int status = await child.Ended;
        if (_running == child)
        {
            events.Post(new ProcessEnded(Name, status));
        }
    }
}
