using CommandLine;

namespace EpfTest.Fuzz;

/// <summary>The command line of <c>scripts/fuzz.sh</c>.</summary>
internal sealed class FuzzOptions
{
    [Value(0, MetaName = "TARGET", HelpText = "tlp, vfio-user, link-endpoint, link-bridge, vhost-user; by default all,"
        + " one after the other.")]
    public IEnumerable<string> Targets { get; set; } = [];

    [Option("seconds", MetaValue = "N", HelpText = "Time for each target; default 60.")]
    public int? Seconds { get; set; }

    [Option("runs", MetaValue = "N", HelpText = "Executions of each target; with --seconds the earlier limit counts.")]
    public long? Runs { get; set; }

    [Option("replay", MetaValue = "FILE", HelpText = "Only run this input, or the inputs in this folder.")]
    public string? Replay { get; set; }

    [Option("update-corpus", HelpText = "Afterwards write the smallest inputs that reach all known edges to"
        + " Fuzz/corpus.")]
    public bool UpdateCorpus { get; set; }

    [Option("no-build", HelpText = "Use the existing build.")]
    public bool NoBuild { get; set; }

    /// <summary>libFuzzer and Fuzz/libfuzzer/driver.c, compiled.</summary>
    [Option("driver", Required = true, Hidden = true)]
    public string Driver { get; set; } = "";

    /// <summary>The folder with the corpus of each target that is kept in the repository.</summary>
    [Option("corpus", Required = true, Hidden = true)]
    public string Corpus { get; set; } = "";

    /// <summary>The folder for inputs of earlier runs, and findings.</summary>
    [Option("cache", Required = true, Hidden = true)]
    public string Cache { get; set; } = "";

    /// <summary>Why the command line is invalid; null if it is valid.</summary>
    public string? Trouble() =>
        Targets.FirstOrDefault(name => !FuzzTarget.All.ContainsKey(name)) is { } unknown
            ? $"{unknown}: not one of {string.Join(", ", FuzzTarget.All.Keys)}"
            : Seconds is <= 0 ? $"--seconds {Seconds}: not a number of seconds"
            : Runs is <= 0 ? $"--runs {Runs}: not a number of executions"
            : Replay is not null && !Path.Exists(Replay) ? $"--replay {Replay}: cannot be read"
            : null;
}
