using CommandLine;

namespace EpfTest.Bench;

/// <summary>Options that scripts/bench.sh passes.</summary>
internal sealed class BenchOptions
{
    /// <summary>The repository, with everything built in it.</summary>
    [Option("repository", Required = true)]
    public string Repository { get; set; } = "";

    /// <summary>The folder of the built reference programs.</summary>
    [Option("reference", Required = true)]
    public string Reference { get; set; } = "";

    /// <summary>A folder for sockets, with a short name.</summary>
    [Option("sockets", Required = true)]
    public string Sockets { get; set; } = "";

    /// <summary>The file to which the rows are written as JSON.</summary>
    [Option("json", Required = true)]
    public string Json { get; set; } = "";

    /// <summary>Measurements of each row.</summary>
    [Option("rounds", Required = true)]
    public int Rounds { get; set; }

    /// <summary>Options for scripts/run-pair.sh.</summary>
    [Option("guest-options", Default = "")]
    public string GuestOptions { get; set; } = "";

    /// <summary>Names of groups of rows to measure.</summary>
    [Option("groups", Separator = ',', Required = true)]
    public IEnumerable<string> Groups { get; set; } = [];
}
