using EpfTest.Rig.Processes;

namespace EpfTest.Unit.Rig.Guests;

/// <summary>A program that does what a test says.</summary>
internal sealed class FakeProcess(ProcessSpec spec, int id) : IChildProcess
{
    private readonly TaskCompletionSource<int> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ProcessSpec Spec { get; } = spec;

    public string Name => Spec.Name;

    public int Id { get; } = id;

    public Task<int> Ended => _ended.Task;

    public Task<string> Output => Task.FromResult("");

    /// <summary>Called when it is killed, before it ends.</summary>
    public Action Killed { get; set; } = () => { };

    public void End(int status) => _ended.TrySetResult(status);

    public void Terminate() => Kill();

    public void Kill()
    {
        Killed();
        End(137);
    }
}
