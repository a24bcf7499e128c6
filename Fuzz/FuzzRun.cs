using System.Diagnostics;
using System.Text.RegularExpressions;

namespace EpfTest.Fuzz;

/// <summary>Fuzzes targets, each in a process of its own that runs an instrumented copy of this program.</summary>
internal sealed partial class FuzzRun : IDisposable
{
    private const int MaxInput = 512;
    private const int HangSeconds = 20;
    private const int ShownLines = 40;
    private static readonly string[] s_instrumented = ["Protocol.dll", "EpcDevice.dll", "EpfBridge.dll"];

    private readonly FuzzOptions _options;
    private readonly string _copy = Directory.CreateTempSubdirectory("epftest-fuzz-").FullName;

    /// <exception cref="InvalidOperationException">SharpFuzz cannot instrument an assembly.</exception>
    public FuzzRun(FuzzOptions options)
    {
        _options = options;
        foreach (string file in Directory.EnumerateFiles(AppContext.BaseDirectory, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(_copy, Path.GetRelativePath(AppContext.BaseDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        foreach (string name in s_instrumented)
        {
            string assembly = Path.Combine(_copy, name);
            if (!SharpFuzz.Fuzzer.Instrument(assembly, static _ => true, SharpFuzz.Options.Value).Any())
            {
                throw new InvalidOperationException($"SharpFuzz found nothing to instrument in {name}");
            }
        }
    }

    public void Dispose() => Directory.Delete(_copy, recursive: true);

    /// <summary>Fuzzes a target, or replays inputs, and prints the result.</summary>
    /// <returns>Whether there is no finding.</returns>
    public bool Run(string target)
    {
        if (_options.Replay is { } input)
        {
            using Process replay = Start("--replay", target, input);
            replay.WaitForExit();
            return replay.ExitCode == 0;
        }

        string found = Directory.CreateDirectory(Path.Combine(_options.Cache, "corpus", target)).FullName;
        string corpus = Directory.CreateDirectory(Path.Combine(_options.Corpus, target)).FullName;
        bool isClean = Fuzz(target, found, corpus);
        if (_options.UpdateCorpus)
        {
            UpdateCorpus(target, found, corpus);
        }

        return isClean;
    }

    private bool Fuzz(string target, string found, string corpus)
    {
        string findings = Directory.CreateDirectory(Path.Combine(_options.Cache, "findings")).FullName;
        var watch = Stopwatch.StartNew();

        // .NET handles SIGSEGV and its like itself; an abort is a finding. Entropic scheduling costs more time than our
        // code.
        using Process process = Start(
            "--fuzz", _options.Driver, target,
            "-handle_segv=0", "-handle_bus=0", "-handle_fpe=0", "-handle_ill=0", "-detect_leaks=0", "-entropic=0",
            "-print_final_stats=1", $"-timeout={HangSeconds}", $"-max_len={MaxInput}",
            $"-artifact_prefix={findings}/{target}-",
            $"-max_total_time={_options.Seconds ?? (_options.Runs is null ? 60 : 0)}", $"-runs={_options.Runs ?? -1}",
            found, corpus);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string log = process.StandardError.ReadToEnd() + output.Result;
        process.WaitForExit();
        string executions = Executions().Match(log) is { Success: true } match ? match.Groups[1].Value : "unknown";
        if (process.ExitCode != 0)
        {
            string[] lines = [.. log.Split('\n').Where(static line => !Progress().IsMatch(line))];
            Console.Error.WriteLine(string.Join('\n', lines.TakeLast(ShownLines)));
            Console.Error.WriteLine($"{target}: 1 finding after {executions} executions; its input is named above");
            return false;
        }

        using Process replay = Start("--replay", target, found, corpus);
        Match edges = Edges().Match(replay.StandardOutput.ReadToEnd());
        replay.WaitForExit();
        Console.WriteLine(
            $"{target}: {executions} executions in {watch.Elapsed.TotalSeconds:0} s, {edges.Groups[1].Value} edges, "
            + "0 findings");
        return true;
    }

    /// <summary>Replaces the corpus, except for past findings and what was written by hand.</summary>
    private void UpdateCorpus(string target, string found, string corpus)
    {
        string picked = Directory.CreateDirectory(Path.Combine(_copy, $"picked-{target}")).FullName;
        using Process pick = Start("--pick", target, picked, found, corpus);
        pick.WaitForExit();
        foreach (string old in Directory.EnumerateFiles(corpus))
        {
            string name = Path.GetFileName(old);
            if (!name.StartsWith("finding-", StringComparison.Ordinal)
                && !name.StartsWith("seed-", StringComparison.Ordinal))
            {
                File.Delete(old);
            }
        }

        foreach (string file in Directory.EnumerateFiles(picked))
        {
            File.Copy(file, Path.Combine(corpus, Path.GetFileName(file)), overwrite: true);
        }
    }

    // The process ends with this one, however this one ends: the kernel signals it when the thread that started it has
    // ended, here the first.
    private Process Start(params string[] arguments)
    {
        bool isShown = arguments is ["--replay", ..] && _options.Replay is not null;
        return Process.Start(new ProcessStartInfo(
            "setpriv", ["--pdeathsig", "KILL", "nice", Path.Combine(_copy, "Fuzz"), .. arguments])
        {
            RedirectStandardOutput = !isShown,
            RedirectStandardError = arguments is ["--fuzz", ..],
        })!;
    }

    [GeneratedRegex(@"^stat::number_of_executed_units: *(\d+)", RegexOptions.Multiline)]
    private static partial Regex Executions();

    [GeneratedRegex(@" (\d+) edges")]
    private static partial Regex Edges();

    [GeneratedRegex("^(INFO|WARNING|#[0-9])")]
    private static partial Regex Progress();
}
