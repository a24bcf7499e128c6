using System.Diagnostics;

namespace EpfTest.Kit;

/// <summary>EpcDevice or EpfBridge as a process of its own, which can be killed.</summary>
internal sealed class DeviceProgram : IDisposable
{
    private readonly Process _process;

    public DeviceProgram(string name, params string[] arguments) =>
        _process = Process.Start(Path.Combine(AppContext.BaseDirectory, name), arguments);

    /// <summary>SIGKILL: it has no say in it.</summary>
    public void Kill()
    {
        _process.Kill();
        Assert.That(_process.WaitForExit(Wait.Limit), Is.True, "the process ends");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }
}
