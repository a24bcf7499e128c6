using CommandLine;
using EpfTest.Bench;
using EpfTest.Bench.Machine;
using EpfTest.Bench.Measurement;
using EpfTest.Bench.Profile;
using EpfTest.Bench.Rows;

const int ExitMissed = 1;
const int ExitBroken = 2;
const int ExitUsage = 64;
const string Guests = "guests";

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
    [Guests] = GuestRows.Measure,
};

try
{
    using var parser = new Parser(static settings =>
    {
        settings.HelpWriter = Console.Out;
        settings.MaximumDisplayWidth = 120;
        settings.EnableDashDash = true;
    });
    return parser.ParseArguments<BenchOptions, FlameGraphOptions>(args).MapResult(
        (BenchOptions options) => Measure(options),
        (FlameGraphOptions options) => Sample(options),
        errors => errors.IsHelp() || errors.IsVersion() ? 0 : ExitUsage);
}
catch (Exception error)
{
    // Caught, so that Dispose has ended every process.
    Console.Error.WriteLine($"error: {error.Message}");
    return ExitBroken;
}

int Measure(BenchOptions options)
{
    if (options.Only.FirstOrDefault(name => !groups.ContainsKey(name)) is { } unknown)
    {
        return Refuse($"--only {unknown}: not one of {string.Join(", ", groups.Keys)}");
    }

    if (options.RoundsToMeasure is < 1 or > 99)
    {
        return Refuse($"--rounds {options.Rounds}: not a number from 1 to 99");
    }

    string[] chosen = [.. options.Only.DefaultIfEmpty("").SelectMany(name =>
        name.Length > 0 ? [name] : groups.Keys.Where(group => group != Guests || !options.Quick))];
    var runs = new GuestRuns(options.Repository, options.Reference, options.Cache, [.. options.Toolchain]);
    if (chosen.Contains(Guests))
    {
        // A pair's first run would build what it needs, and its time would count.
        runs.Prepare();
    }

    using var reference = StartReference(options);
    var rig = new Rig(
        new Rounds(options.RoundsToMeasure),
        Cores.Pick(),
        new Programs(options.Repository, options.Sockets),
        reference,
        runs);
    var report = new Report();
    Report.WriteHead();
    foreach (Row row in chosen.SelectMany(name => groups[name](rig)))
    {
        report.Add(row);
    }

    report.WriteJson(options.JsonFile);
    bool isGood = report.WriteVerdict();
    Console.Error.WriteLine($"all rounds: {options.JsonFile}");
    return isGood ? 0 : ExitMissed;
}

int Sample(FlameGraphOptions options)
{
    // The group of rows that keeps the processes busy, and a mark on the command lines of the right ones.
    (string[] Names, string Group, string Mark)? choice = options.What switch
    {
        "register" => (["EpcDevice"], "register", "--poll-us"),
        "tlp" => (["EpcDevice", "EpfBridge"], "bar", "--datapath tlp"),
        _ => null,
    };
    if (choice is not { } what)
    {
        return Refuse($"{options.What}: not one of register, tlp");
    }

    FlameGraph.PrepareChildren();
    using var reference = StartReference(options);
    var rig = new Rig(
        new Rounds(30),
        Cores.Pick(),
        new Programs(options.Repository, options.Sockets),
        reference,
        new GuestRuns(options.Repository, options.Reference, options.Cache, []));
    Task rows = Task.Run(() => groups[what.Group](rig).Count());
    FlameGraph.Write(what.Names, what.Mark, options.Seconds, options.Sockets, options.File);
    rows.GetAwaiter().GetResult();
    Console.Error.WriteLine(options.File);
    return 0;
}

static Reference StartReference(CommonOptions options)
{
    Client.Load(Path.Combine(options.Reference, "libclient.so"));
    return new Reference(Path.Combine(options.Reference, "responder"), options.Sockets);
}

static int Refuse(string trouble)
{
    Console.Error.WriteLine($"bench.sh: {trouble}");
    Console.Error.WriteLine("Try 'bench.sh --help'.");
    return ExitUsage;
}
