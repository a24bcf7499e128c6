using System.Text.RegularExpressions;
using CommandLine;

namespace EpfTest.Rig.Options;

/// <summary>The options of <c>epftest guest</c>; Help/guest.txt says what each one means.</summary>
internal sealed partial class GuestOptions : ToolchainOptions
{
    [Option("script")]
    public string? Script { get; set; }

    [Option("shell")]
    public bool Shell { get; set; }

    [Option("device")]
    public IEnumerable<string> Devices { get; set; } = [];

    [Option("epc")]
    public bool Epc { get; set; }

    [Option("pci-id")]
    public string? PciId { get; set; }

    [Option("log-level")]
    public string? LogLevel { get; set; }

    [Option("add")]
    public IEnumerable<string> Additions { get; set; } = [];

    [Option("module")]
    public IEnumerable<string> Modules { get; set; } = [];

    [Option("append")]
    public IEnumerable<string> KernelWords { get; set; } = [];

    [Option("memory")]
    public string Memory { get; set; } = "512M";

    [Option("smp")]
    public string Processors { get; set; } = "2";

    [Option("no-shared-memory")]
    public bool NoSharedMemory { get; set; }

    [Option("no-iommu")]
    public bool NoIommu { get; set; }

    [Option("timeout")]
    public string Timeout { get; set; } = "300";

    [Option("console")]
    public string? Console { get; set; }

    [Option("out")]
    public string? Out { get; set; }

    /// <summary>More arguments of QEMU, after <c>--</c>.</summary>
    [Value(0)]
    public IEnumerable<string> QemuArguments { get; set; } = [];

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        if (Script is not null)
        {
            OptionCheck.Addition("--script", Script);
        }

        foreach (string module in Modules)
        {
            OptionCheck.Addition("--module", module);
        }

        foreach (string addition in Additions)
        {
            OptionCheck.Addition("--add", addition);
        }

        OptionCheck.Matches(Count().IsMatch(Processors), "--smp", Processors, "not a number of processors");
        OptionCheck.Matches(Size().IsMatch(Memory), "--memory", Memory, "not a size such as 512M or 2G");
        OptionCheck.Seconds("--timeout", Timeout, zero: true);
        if (Script is not null && Shell)
        {
            throw new UsageException("--script and --shell exclude each other");
        }

        if (!Epc && (PciId ?? LogLevel) is not null)
        {
            throw new UsageException("--pci-id and --log-level need --epc");
        }
    }

    [GeneratedRegex(@"^[1-9][0-9]*\z")]
    private static partial Regex Count();

    [GeneratedRegex(@"^[1-9][0-9]*[MG]\z")]
    private static partial Regex Size();
}
