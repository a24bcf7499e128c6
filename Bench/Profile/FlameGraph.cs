using System.Diagnostics;

namespace EpfTest.Bench.Profile;

/// <summary>Samples EpcDevice and EpfBridge with perf while rows are measured.</summary>
/// <remarks>perf samples by the clock, which works in virtual machines, too. Kernel functions have names only for root,
/// or with kernel.kptr_restrict=0 and kernel.perf_event_paranoid=1.</remarks>
internal static class FlameGraph
{
    private const int SamplesASecond = 1999;
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(2);

    // In the first seconds the runtime compiles hot methods again.
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(4);

    /// <summary>Has the runtime write the names of compiled methods to /tmp, where perf looks for them, and compile to
    /// memory for which perf finds names. For processes that are started from now on.</summary>
    public static void PrepareChildren()
    {
        Environment.SetEnvironmentVariable("DOTNET_PerfMapEnabled", "1");
        Environment.SetEnvironmentVariable("DOTNET_EnableWriteXorExecute", "0");
    }

    /// <summary>Writes the stacks of some of our children.</summary>
    /// <param name="names">Their names.</param>
    /// <param name="mark">A part of the right ones' command lines, for names that several have.</param>
    /// <param name="folder">A folder for perf's data.</param>
    /// <exception cref="InvalidOperationException">perf failed, or took no samples.</exception>
    public static void Write(IReadOnlyList<string> names, string mark, int seconds, string folder, string file)
    {
        var processes = new Dictionary<int, string>();
        if (!SpinWait.SpinUntil(() => TryFind(names, mark, processes), s_startLimit))
        {
            throw new TimeoutException(
                $"{string.Join(" and ", names)} did not start within {s_startLimit.TotalSeconds} s");
        }

        Thread.Sleep(s_warmUp);
        string data = Path.Combine(folder, "perf.data");
        try
        {
            Run(
                "perf",
                ["record", "-q", "-e", "cpu-clock", "-F", $"{SamplesASecond}", "-g", "-o", data,
                    "-p", string.Join(',', processes.Keys), "--", "sleep", $"{seconds}"],
                static _ => { });
            Run(
                "perf",
                ["script", "-i", data, "-F", "comm,pid,ip,sym,dso"],
                output => File.WriteAllLines(file, CollapsedStacks.Read(output, processes)));
        }
        finally
        {
            foreach (int process in processes.Keys)
            {
                File.Delete($"/tmp/perf-{process}.map");
            }
        }
    }

    private static bool TryFind(IReadOnlyList<string> names, string mark, Dictionary<int, string> processes)
    {
        processes.Clear();
        foreach (string name in names)
        {
            foreach (Process process in Process.GetProcessesByName(name))
            {
                string[] stat = File.ReadAllText($"/proc/{process.Id}/stat").Split(") ")[^1].Split(' ');
                string line = File.ReadAllText($"/proc/{process.Id}/cmdline").Replace('\0', ' ');
                if (stat[1] == $"{Environment.ProcessId}" && line.Contains(mark, StringComparison.OrdinalIgnoreCase))
                {
                    processes[process.Id] = name;
                }
            }
        }

        return processes.Count == names.Count;
    }

    private static void Run(string program, string[] arguments, Action<TextReader> read)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        read(process.StandardOutput);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {arguments[0]} ended with {process.ExitCode}");
        }
    }
}
