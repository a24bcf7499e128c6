using System.Globalization;
using CommandLine;
using EpfTest.Bench;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.Bench.Profile;
using EpfTest.Bench.Rows;

const int ExitMissed = 1;
const int ExitBroken = 2;
const int ExitUsage = 64;

// In the order of the table. A new group of rows is a line here.
var groups = new Dictionary<string, Func<Rig, IEnumerable<Row>>>
{
    ["register"] = RegisterRows.Measure,
    ["bar"] = BarRows.Measure,
    ["dma"] = DmaRows.Measure,
    ["interrupt"] = InterruptRows.Measure,
    ["lookup"] = LookupRows.Measure,
    ["allocation"] = AllocationRows.Measure,
    ["functions"] = FunctionRows.Measure,
    ["process"] = ProcessRows.Measure,
    ["guests"] = GuestRows.Measure,
};

// For scripts/flamegraph.sh: stacks PID:NAME..., with what perf script prints as input.
if (args is ["stacks", .. var processes])
{
    foreach (string stack in CollapsedStacks.Read(
        Console.In,
        processes.Select(static process => process.Split(':'))
            .ToDictionary(static words => int.Parse(words[0], CultureInfo.InvariantCulture), static words => words[1])))
    {
        Console.WriteLine(stack);
    }

    return 0;
}

try
{
    return Parser.Default.ParseArguments<BenchOptions>(args).MapResult(Run, _ => ExitUsage);
}
catch (Exception error)
{
    // Caught, so that Dispose has ended every process.
    Console.Error.WriteLine($"error: {error.Message}");
    return ExitBroken;
}

int Run(BenchOptions options)
{
    if (options.Groups.FirstOrDefault(name => !groups.ContainsKey(name)) is { } unknown)
    {
        Console.Error.WriteLine($"{unknown}: not one of {string.Join(", ", groups.Keys)}");
        return ExitUsage;
    }

    Client.Load(Path.Combine(options.Reference, "libclient.so"));
    using var reference = new Reference(Path.Combine(options.Reference, "responder"), options.Sockets);
    var rig = new Rig(
        new Rounds(options.Rounds),
        Cores.Pick(),
        new Programs(options.Repository, options.Sockets),
        reference,
        new GuestRuns(
            options.Repository,
            options.Reference,
            Path.GetDirectoryName(options.Json)!,
            options.GuestOptions.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    var report = new Report();
    Report.WriteHead();
    foreach (Row row in options.Groups.SelectMany(name => groups[name](rig)))
    {
        report.Add(row);
    }

    report.WriteJson(options.Json);
    return report.WriteVerdict() ? 0 : ExitMissed;
}
