using CommandLine;

namespace EpfTest.Bench;

/// <summary>Where scripts/bench.sh has put what the measurements need.</summary>
internal abstract class CommonOptions
{
    /// <summary>The repository, with everything built in it.</summary>
    [Option("repository", Required = true, Hidden = true)]
    public string Repository { get; set; } = "";

    /// <summary>The folder of the built reference programs.</summary>
    [Option("reference", Required = true, Hidden = true)]
    public string Reference { get; set; } = "";

    /// <summary>A folder for sockets, with a short name.</summary>
    [Option("sockets", Required = true, Hidden = true)]
    public string Sockets { get; set; } = "";

    /// <summary>The folder for results that are kept.</summary>
    [Option("cache", Required = true, Hidden = true)]
    public string Cache { get; set; } = "";
}
