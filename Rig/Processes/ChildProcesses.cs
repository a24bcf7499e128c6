namespace EpfTest.Rig.Processes;

/// <summary>Starts real programs.</summary>
internal sealed class ChildProcesses : IProcessStarter
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(3);

    private readonly List<ChildProcess> _children = [];

    /// <inheritdoc/>
    public IChildProcess Start(ProcessSpec spec)
    {
        var child = ChildProcess.Start(spec);
        _children.RemoveAll(other => other.Ended.IsCompleted);
        _children.Add(child);
        return child;
    }

    /// <summary>Ends the last one that was started first: a guest before the process that serves its device.</summary>
    public void Dispose()
    {
        foreach (ChildProcess child in Enumerable.Reverse(_children))
        {
            child.Terminate();
            if (!child.Ended.Wait(s_grace))
            {
                child.Kill();
                child.Ended.Wait();
            }
        }

        _children.Clear();
    }
}
