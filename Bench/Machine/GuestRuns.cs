using System.Diagnostics;

namespace EpfTest.Bench.Machine;

/// <summary>Runs of scripts/run-pair.sh.</summary>
/// <param name="repository">Where the script is.</param>
/// <param name="programs">Where what is built for the guests is.</param>
/// <param name="folder">Where runs leave their consoles and results.</param>
/// <param name="options">The options of scripts/toolchain.sh that they are given.</param>
internal sealed class GuestRuns(string repository, string programs, string folder, IReadOnlyList<string> options)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(20);

    private int _runs;

    /// <summary>A program for a guest.</summary>
    public string Program(string name) => Path.Combine(programs, name);

    /// <summary>A file of the repository.</summary>
    public string File(string path) => Path.Combine(repository, path);

    /// <summary>Runs a pair of guests.</summary>
    /// <param name="mustPass">Whether anything but exit code 0 is an error.</param>
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
