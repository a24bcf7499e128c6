using CommandLine;

namespace EpfTest.Bench;

/// <summary>The command line of <c>scripts/bench.sh flamegraph</c>.</summary>
[Verb("flamegraph", HelpText = "Write collapsed stacks of the processor time of EpcDevice and EpfBridge.")]
internal sealed class FlameGraphOptions : CommonOptions
{
    [Value(0, MetaName = "register|tlp", Required = true, HelpText = "EpcDevice, while its registers are read; or both"
        + " processes, while the host reads a BAR on the TLP path.")]
    public string What { get; set; } = "";

    [Value(1, MetaName = "FILE", Required = true,
        HelpText = "The stacks. Viewers of flame graphs read them: speedscope, inferno-flamegraph, FlameGraph's "
            + "flamegraph.pl --color=java.")]
    public string File { get; set; } = "";

    [Option("seconds", Default = 5, MetaValue = "N", HelpText = "Time of sampling.")]
    public int Seconds { get; set; }
}
