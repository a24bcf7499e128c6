using CommandLine;
using CommandLine.Text;
using EpfTest.Fuzz;

const int ExitUsage = 64;

// What FuzzRun starts, one process for each target; all else is the command line of scripts/fuzz.sh.
switch (args)
{
    case ["--replay", var name, .. var paths] when FuzzTarget.All.TryGetValue(name, out Func<FuzzTarget>? make):
        return Replay.Run(make, paths);
    case ["--pick", var name, var destination, .. var paths]
        when FuzzTarget.All.TryGetValue(name, out Func<FuzzTarget>? make):
        return Replay.Pick(make, destination, paths);
    case ["--fuzz", var library, var name, .. var options]
        when FuzzTarget.All.TryGetValue(name, out Func<FuzzTarget>? make):
        return LibFuzzer.Run(library, ["Fuzz", .. options], make);
    default:
        using (var parser = new Parser(static settings => settings.HelpWriter = null))
        {
            ParserResult<FuzzOptions> result = parser.ParseArguments<FuzzOptions>(args);
            return result.MapResult(Run, errors => Explain(result, errors));
        }
}

static int Run(FuzzOptions options)
{
    if (options.Trouble() is { } trouble)
    {
        Console.Error.WriteLine($"fuzz.sh: {trouble}");
        Console.Error.WriteLine("Try 'fuzz.sh --help'.");
        return ExitUsage;
    }

    using var run = new FuzzRun(options);
    bool isClean = true;
    foreach (string target in options.Targets.Any() ? options.Targets : FuzzTarget.All.Keys)
    {
        isClean &= run.Run(target);
    }

    return isClean ? 0 : 1;
}

static int Explain(ParserResult<FuzzOptions> result, IEnumerable<Error> errors)
{
    bool isHelp = errors.IsHelp() || errors.IsVersion();
    var help = HelpText.AutoBuild(result, text =>
    {
        text.Heading = "Fuzzes the servers of all sockets and the TLP codec, guided by coverage: SharpFuzz instruments "
            + "our assemblies, libFuzzer makes inputs.";
        text.Copyright = "";
        text.MaximumDisplayWidth = 120;
        text.AdditionalNewLineAfterOption = false;
        text.AddPostOptionsLine(
            "Starts from Fuzz/corpus and the inputs of earlier runs, kept in ~/.cache/epftest/fuzz. Prints for "
            + "each target the executions, seconds, edges (pairs of consecutive branches) and findings. Exits "
            + "with 1 if there is a finding: an exception, a crash, a hang of 20 s, a leaked descriptor or "
            + "mapping of the peer. The input of a finding is kept. Once it is fixed, add the input to "
            + "Fuzz/corpus/TARGET under a name that begins with finding-.");
        return HelpText.DefaultParsingErrorsHandler(result, text);
    });
    (isHelp ? Console.Out : Console.Error).WriteLine(help);
    return isHelp ? 0 : ExitUsage;
}
