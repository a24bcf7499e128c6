using System.Diagnostics;
using System.Globalization;

namespace EpfTest.Kit;

/// <summary>strace(1) on one thread of a process.</summary>
internal sealed class SystemCallTrace : IDisposable
{
    private readonly Process _strace;
    private readonly List<string> _lines = [];

    private SystemCallTrace(Process strace)
    {
        _strace = strace;
        _strace.ErrorDataReceived += (_, line) =>
        {
            lock (_lines)
            {
                _lines.Add(line.Data ?? "");
            }
        };
        _strace.BeginErrorReadLine();
    }

    /// <summary>The kernel's number of the calling thread.</summary>
    public static int CurrentThread() => int.Parse(
        Path.GetFileName(new FileInfo("/proc/thread-self").LinkTarget!), CultureInfo.InvariantCulture);

    /// <summary>Traces a thread from now on; ignores the test where strace is missing or not allowed.</summary>
    public static SystemCallTrace Attach(int thread)
    {
        SystemCallTrace trace;
        try
        {
            trace = new SystemCallTrace(Process.Start(new ProcessStartInfo(
                "strace", ["-p", $"{thread}", "-e", "signal=none"])
            {
                RedirectStandardError = true,
            })!);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("strace is not installed");
            throw;
        }

        Wait.Until(() => trace.Count("attached") > 0 || trace._strace.HasExited, "strace is attached");
        if (trace._strace.HasExited)
        {
            trace.Dispose();
            Assert.Ignore($"strace may not attach: {trace}");
        }

        return trace;
    }

    /// <summary>How many lines so far contain <paramref name="text"/>.</summary>
    public int Count(string text)
    {
        lock (_lines)
        {
            return _lines.Count(line => line.Contains(text, StringComparison.Ordinal));
        }
    }

    public void WaitFor(string text, int count) =>
        Wait.Until(() => Count(text) >= count, $"strace shows {count} times {text}");

    public override string ToString()
    {
        lock (_lines)
        {
            return string.Join('\n', _lines);
        }
    }

    public void Dispose()
    {
        // The kernel detaches a tracer that dies.
        _strace.Kill();
        _strace.WaitForExit();
        _strace.Dispose();
    }
}
