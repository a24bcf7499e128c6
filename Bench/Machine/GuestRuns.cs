using System.Diagnostics;

namespace EpfTest.Bench.Machine;

/// <summary>Runs of scripts/run-pair.sh.</summary>
/// <param name="repository">The repository with the script.</param>
/// <param name="programs">The folder of programs built for the guests.</param>
/// <param name="folder">The folder for the runs' consoles and results.</param>
/// <param name="options">Options of scripts/toolchain.sh for each run.</param>
internal sealed class GuestRuns(string repository, string programs, string folder, IReadOnlyList<string> options)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(20);

    private int _runs;
    private string _module = "";

    /// <summary>Our kernel module for the EP guest.</summary>
    public string Module => _module;

    /// <summary>Prepares kernel, driver and <see cref="Module"/>.</summary>
    /// <exception cref="InvalidOperationException">scripts/toolchain.sh failed; it has said why.</exception>
    public void Prepare()
    {
        const string Key = "EPFTEST_MODULE=";
        var start = new ProcessStartInfo(
            File("scripts/toolchain.sh"), ["--driver", "--module-source", File("Bench/guest/epf-bench"), .. options])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string[] lines = process.StandardOutput.ReadToEnd().Split('\n');
        process.WaitForExit();
        _module = process.ExitCode == 0
            ? lines.Single(static line => line.StartsWith(Key, StringComparison.Ordinal))[Key.Length..]
            : throw new InvalidOperationException($"scripts/toolchain.sh ended with {process.ExitCode}");
    }

    public string Program(string name) => Path.Combine(programs, name);

    public string File(string path) => Path.Combine(repository, path);

    /// <summary>Runs a pair of guests.</summary>
    /// <param name="mustPass">Whether an exit code other than 0 is an error.</param>
    /// <param name="arguments">The script's arguments.</param>
    public GuestRun Run(bool mustPass, params IEnumerable<string> arguments)
    {
        string kept = Path.Combine(folder, $"bench-guests-{++_runs}");
        var start = new ProcessStartInfo(
            File("scripts/run-pair.sh"), ["--out", kept, .. arguments, .. options])
        {
            RedirectStandardOutput = true,
        };
        long started = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        Task<string> text = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"scripts/run-pair.sh was not done after {s_limit.TotalMinutes} minutes");
        }

        TimeSpan time = Stopwatch.GetElapsedTime(started);
        return process.ExitCode == 0 || (!mustPass && System.IO.File.Exists(Path.Combine(kept, "junit.xml")))
            ? new GuestRun(time, kept, text.Result)
            : throw new InvalidOperationException($"scripts/run-pair.sh ended with {process.ExitCode}:\n{text.Result}");
    }
}
