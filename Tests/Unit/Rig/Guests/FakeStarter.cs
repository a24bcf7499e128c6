using EpfTest.Rig.Processes;

namespace EpfTest.Unit.Rig.Guests;

/// <summary>Starts <see cref="FakeProcess"/>es.</summary>
internal sealed class FakeStarter : IProcessStarter
{
    private readonly List<FakeProcess> _started = [];

    /// <summary>All that were started, in order.</summary>
    public IReadOnlyList<FakeProcess> Started => _started;

    /// <summary>Called with each one.</summary>
    public Action<FakeProcess> OnStart { get; set; } = _ => { };

    public IChildProcess Start(ProcessSpec spec)
    {
        var process = new FakeProcess(spec, _started.Count + 1);
        _started.Add(process);
        OnStart(process);
        return process;
    }

    public void Dispose()
    {
    }
}
