using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EpfTest.Kit;

/// <summary>A process that ends with this object.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const int SigTerm = 15;
    private const int SigCont = 18;
    private const int SigStop = 19;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _errors = new();

    public ChildProcess(string program, params IEnumerable<string> arguments)
    {
        _process =
            new Process { StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardError = true } };
        _process.ErrorDataReceived += (_, line) => _errors.Enqueue(line.Data ?? "");
        _process.Start();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    /// <summary>What the process has written to stderr.</summary>
    public string Errors => string.Join('\n', _errors);

    /// <summary>Stops all threads of the process, as a debugger would, or continues them.</summary>
    public bool IsStopped
    {
        set
        {
            Assert.That(Kill(Id, value ? SigStop : SigCont), Is.Zero);
            if (value)
            {
                // The signal stops one thread after the other.
                string tasks = $"/proc/{Id}/task";
                Wait.Until(() => Directory.GetDirectories(tasks).All(IsTaskStopped), "the process is stopped");
            }
        }
    }

    /// <summary>Starts EpcDevice or EpfBridge from the build of the calling program.</summary>
    public static ChildProcess StartOurs(string name, params IEnumerable<string> arguments) =>
        new(Path.Combine(AppContext.BaseDirectory, name), arguments);

    public void WaitForSocket(string path) => WaitFor(() => Served.At(path), $"serves {path}");

    /// <summary>Waits for something that the process is to do.</summary>
    public void WaitFor(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (_process.HasExited)
            {
                throw new InvalidOperationException(
                    $"{_process.StartInfo.FileName} ended with status {_process.ExitCode} before it {what}: {Errors}");
            }

            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new TimeoutException($"{_process.StartInfo.FileName}: timeout before it {what}: {Errors}");
            }

            Thread.Sleep(1);
        }
    }

    /// <returns>The exit status.</returns>
    public int WaitForExit()
    {
        Assert.That(_process.WaitForExit(s_limit), Is.True, "the process does not end");
        return _process.ExitCode;
    }

    /// <summary>Ends the process with SIGTERM, and expects a clean end.</summary>
    public void Stop()
    {
        _ = Kill(Id, SigTerm);
        Assert.That(WaitForExit(), Is.Zero, () => Errors);
    }

    /// <summary>Ends the process with SIGKILL, which it cannot notice.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private static bool IsTaskStopped(string task)
    {
        // pid (name) state
        string stat = File.ReadAllText(Path.Combine(task, "stat"));
        return stat[(stat.LastIndexOf(')') + 1)..].TrimStart().StartsWith('T');
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}
