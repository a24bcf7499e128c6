using CommandLine;

namespace EpfTest.Bench;

/// <summary>What scripts/bench.sh tells this program.</summary>
internal sealed class BenchOptions
{
    /// <summary>The repository, in which everything is built.</summary>
    [Option("repository", Required = true)]
    public string Repository { get; set; } = "";

    /// <summary>The folder of the built reference programs.</summary>
    [Option("reference", Required = true)]
    public string Reference { get; set; } = "";

    /// <summary>A folder for sockets, with a short name.</summary>
    [Option("sockets", Required = true)]
    public string Sockets { get; set; } = "";

    /// <summary>Where the rows are written as JSON.</summary>
    [Option("json", Required = true)]
    public string Json { get; set; } = "";

    /// <summary>How often each row is measured.</summary>
    [Option("rounds", Required = true)]
    public int Rounds { get; set; }

    /// <summary>Options for scripts/run-pair.sh.</summary>
    [Option("guest-options", Default = "")]
    public string GuestOptions { get; set; } = "";

    /// <summary>Groups of rows to be measured, by name.</summary>
    [Option("groups", Separator = ',', Required = true)]
    public IEnumerable<string> Groups { get; set; } = [];
}
