using System.Diagnostics;
using System.Globalization;
using EpfTest.Kit;

namespace EpfTest.Bench.Machine;

/// <summary>A process of ours or of the reference's, on a core of its own choosing; ends with this object.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string _name;

    /// <summary>Starts a program.</summary>
    /// <param name="core">The core that it may use; null for all.</param>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its command line.</param>
    public ChildProcess(int? core, string program, params IEnumerable<string> arguments)
    {
        _name = Path.GetFileName(program);
        var start = new ProcessStartInfo(core is null ? program : "taskset", core is null ? [] : ["-c", $"{core}", program]);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
    }

    /// <summary>Bytes of memory that it has, without what it shares with a guest.</summary>
    public double OwnMemory
    {
        get
        {
            Dictionary<string, double> sizes = File.ReadLines($"/proc/{_process.Id}/status")
                .Where(line => line.EndsWith(" kB", StringComparison.Ordinal))
                .Select(line => line.Split([':', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
                .ToDictionary(words => words[0], words => double.Parse(words[1], CultureInfo.InvariantCulture) * 1024);
            return sizes["VmRSS"] - sizes["RssShmem"];
        }
    }

    /// <summary>Waits until the process serves a socket.</summary>
    public void WaitForSocket(string path) => WaitFor(() => Served.At(path), $"serves {path}");

    /// <summary>Waits for something that the process is to do.</summary>
    public void WaitFor(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (_process.HasExited)
            {
                throw new InvalidOperationException($"{_name} ended with status {_process.ExitCode} before it {what}");
            }

            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new TimeoutException($"{_name}: it took more than {s_limit.TotalSeconds} s until it {what}");
            }

            Thread.Sleep(1);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
