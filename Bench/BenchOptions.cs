using CommandLine;

namespace EpfTest.Bench;

/// <summary>The command line of scripts/bench.sh.</summary>
[Verb("measure", isDefault: true, HelpText = "Measure, and print a table.")]
internal sealed class BenchOptions : CommonOptions
{
    private const int QuickRounds = 5;
    private const int AllRounds = 11;

    [Option("quick", HelpText = "Fewer rounds, and no guests: about two minutes.")]
    public bool Quick { get; set; }

    [Option("only", Separator = ',', MetaValue = "GROUP[,...]",
        HelpText = "Some rows only: register, bar, dma, interrupt, lookup, allocation, functions, process, guests.")]
    public IEnumerable<string> Only { get; set; } = [];

    [Option("rounds", MetaValue = "N",
        HelpText = "Rounds of each row, default 11, with --quick 5; rows with guests have one.")]
    public int? Rounds { get; set; }

    [Option("json", MetaValue = "FILE",
        HelpText = "Write the rows here, with the figures of each round; default bench.json in the cache.")]
    public string? Json { get; set; }

    [Value(0, MetaName = "OPTION", HelpText = "After --: options of scripts/toolchain.sh, for the rows with guests.")]
    public IEnumerable<string> Toolchain { get; set; } = [];

    public int RoundsToMeasure => Rounds ?? (Quick ? QuickRounds : AllRounds);

    public string JsonFile => Path.GetFullPath(Json ?? Path.Combine(Cache, "bench.json"));
}
