using System.ComponentModel;
using System.Diagnostics;
using static Tmds.Linux.LibC;

namespace EpfTest.Rig.Processes;

/// <summary>A real program, started by <see cref="ChildCommand"/>.</summary>
internal sealed class ChildProcess : IChildProcess
{
    private readonly Process _process;
    private readonly Lock _signals = new();
    private bool _ended;

    private ChildProcess(string name, Process process, bool isRead)
    {
        Name = name;
        _process = process;
        Id = process.Id;
        Output = isRead ? process.StandardOutput.ReadToEndAsync() : Task.FromResult("");
        Ended = WaitAsync();
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Id { get; }

    /// <inheritdoc/>
    public Task<int> Ended { get; }

    /// <inheritdoc/>
    public Task<string> Output { get; }

    /// <exception cref="RunEndedException">It cannot be started.</exception>
    public static ChildProcess Start(ProcessSpec spec)
    {
        IReadOnlyList<string> command = ChildCommand.Build(spec, Environment.ProcessId);
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = spec.IsRead };
        try
        {
            Process process = ForkingThread.Run(() => Process.Start(start)!);
            return new ChildProcess(spec.Name, process, spec.IsRead);
        }
        catch (Win32Exception error)
        {
            throw new RunEndedException(
                RunEndedException.Error, $"{spec.Name} cannot be started with {command[0]}: {error.Message}");
        }
    }

    /// <inheritdoc/>
    public void Terminate() => Signal(SIGTERM);

    /// <inheritdoc/>
    public void Kill() => Signal(SIGKILL);

    private async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        lock (_signals)
        {
            _ended = true;
        }

        return _process.ExitCode;
    }

    // Once it has been waited for, its ID may be another process's.
    private void Signal(int signal)
    {
        lock (_signals)
        {
            if (!_ended && kill(-Id, signal) != 0)
            {
                // It has no session of its own, or not yet.
                _ = kill(Id, signal);
            }
        }
    }
}
