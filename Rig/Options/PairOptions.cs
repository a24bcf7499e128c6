using System.Text.RegularExpressions;
using CommandLine;

namespace EpfTest.Rig.Options;

/// <summary>The options of <c>epftest pair</c>; Help/pair.txt says what each one means.</summary>
internal partial class PairOptions : ToolchainOptions
{
    [Option("scenario")]
    public string? Scenario { get; set; }

    [Option("ep-script")]
    public string? EpScript { get; set; }

    [Option("host-script")]
    public string? HostScript { get; set; }

    [Option("add")]
    public IEnumerable<string> Additions { get; set; } = [];

    [Option("module")]
    public IEnumerable<string> Modules { get; set; } = [];

    [Option("cases")]
    public string? Cases { get; set; }

    [Option("shell")]
    public bool Shell { get; set; }

    [Option("datapath")]
    public string? DataPath { get; set; }

    [Option("map-bars")]
    public bool MapBars { get; set; }

    [Option("window")]
    public string? Window { get; set; }

    [Option("relay")]
    public bool Relay { get; set; }

    [Option("posted-writes")]
    public bool PostedWrites { get; set; }

    [Option("strict-order")]
    public bool StrictOrder { get; set; }

    [Option("ep-memory")]
    public string? EpMemory { get; set; }

    [Option("host-memory")]
    public string? HostMemory { get; set; }

    [Option("iommu")]
    public string? Iommu { get; set; }

    [Option("dma")]
    public string? Dma { get; set; }

    [Option("hotplug")]
    public bool HotPlug { get; set; }

    [Option("ep-kernel")]
    public string? EpKernel { get; set; }

    [Option("host-kernel")]
    public string? HostKernel { get; set; }

    [Option("ep-qemu")]
    public IEnumerable<string> EpQemu { get; set; } = [];

    [Option("host-qemu")]
    public IEnumerable<string> HostQemu { get; set; } = [];

    [Option("host-disk")]
    public string? HostDisk { get; set; }

    [Option("host-smp")]
    public string? HostProcessors { get; set; }

    [Option("no-pin")]
    public bool NoPin { get; set; }

    [Option("pin")]
    public IEnumerable<string> Pins { get; set; } = [];

    [Option("out")]
    public string? Out { get; set; }

    [Option("log-level")]
    public string? LogLevel { get; set; }

    [Option("timeout")]
    public string? RunTimeout { get; set; }

    [Option("case-timeout")]
    public string? CaseTimeout { get; set; }

    [Option("boot-timeout")]
    public string? BootTimeout { get; set; }

    [Option("link-timeout")]
    public string? LinkTimeout { get; set; }

    [Option("slow")]
    public string? Slow { get; set; }

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        Each("--ep-script", EpScript, OptionCheck.File);
        Each("--host-script", HostScript, OptionCheck.File);
        foreach (string module in Modules)
        {
            OptionCheck.File("--module", module);
        }

        foreach (string addition in Additions)
        {
            OptionCheck.Addition("--add", addition);
        }

        Each("--cases", Cases, (option, value) => OptionCheck.Matches(
            SelfTestOptions().IsMatch(value), option, value, "not options of the self-test"));
        Each("--ep-memory", EpMemory, CheckMemory);
        Each("--host-memory", HostMemory, CheckMemory);
        Each("--iommu", Iommu, (option, value) => OptionCheck.OneOf(option, value, "pass", "translate"));
        Each("--datapath", DataPath, (option, value) => OptionCheck.OneOf(option, value, "direct", "tlp"));
        Each("--dma", Dma, (option, value) => OptionCheck.OneOf(option, value, "memcpy", "slave", "off"));
        Each("--window", Window, (option, value) => OptionCheck.Matches(
            WindowSize().IsMatch(value), option, value, "not off, nor a size such as 1M, 256M or 1G"));
        Each("--ep-kernel", EpKernel, OptionCheck.Kernel);
        Each("--host-kernel", HostKernel, OptionCheck.Kernel);
        Each("--host-disk", HostDisk, OptionCheck.File);
        Each("--host-smp", HostProcessors, (option, value) => OptionCheck.Processors(option, value));
        Each("--log-level", LogLevel, CheckLogLevel);
        Each("--timeout", RunTimeout, (option, value) => OptionCheck.Seconds(option, value, zero: true));
        Each("--case-timeout", CaseTimeout, (option, value) => OptionCheck.Seconds(option, value, zero: false));
        Each("--boot-timeout", BootTimeout, (option, value) => OptionCheck.Seconds(option, value, zero: false));
        Each("--link-timeout", LinkTimeout, (option, value) => OptionCheck.Seconds(option, value, zero: false));
        Each("--slow", Slow, (option, value) => OptionCheck.Matches(
            Factor().IsMatch(value), option, value, "not a factor from 1 to 99"));
        CheckCombinations();
    }

    private void CheckCombinations()
    {
        if (MapBars && DataPath == "tlp")
        {
            throw new UsageException("--map-bars needs shared memory, so it excludes --datapath tlp");
        }

        if (NoPin && Pins.Any())
        {
            throw new UsageException("--no-pin and --pin exclude each other");
        }

        if (HostDisk is not null && (HostScript is null || HotPlug || Shell))
        {
            throw new UsageException(
                "--host-disk needs --host-script, and excludes --hotplug and --shell (docs/kernels.md)");
        }

        if (Shell && HotPlug)
        {
            throw new UsageException("--hotplug and --shell exclude each other");
        }

        if (Shell && (Console.IsInputRedirected || Console.IsOutputRedirected))
        {
            throw new UsageException("--shell needs a terminal");
        }
    }

    private static void CheckMemory(string option, string value) =>
        OptionCheck.OneOf(option, value, "shared", "huge", "private");

    private static void CheckLogLevel(string option, string value)
    {
        string[] levels = ["Trace", "Debug", "Information", "Warning", "Error", "Critical", "None"];
        OptionCheck.Matches(
            levels.Contains(value, StringComparer.OrdinalIgnoreCase),
            option,
            value,
            $"not one of {string.Join(", ", levels)}");
    }

    private static void Each(string option, string? value, Action<string, string> check)
    {
        if (value is not null)
        {
            check(option, value);
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9_ -]+\z")]
    private static partial Regex SelfTestOptions();

    [GeneratedRegex(@"^(off|[1-9][0-9]*[MG])\z")]
    private static partial Regex WindowSize();

    [GeneratedRegex(@"^[1-9][0-9]?\z")]
    private static partial Regex Factor();
}
