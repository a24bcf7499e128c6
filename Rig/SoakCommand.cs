using EpfTest.Rig.Options;
using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Scenarios;
using EpfTest.Rig.Soak;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig;

/// <summary>The verb <c>soak</c>: runs the scenario of that name, and judges it by what was lost.</summary>
internal static class SoakCommand
{
    private const string Name = "soak";

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        SoakOptions.CheckNames(arguments);
        Scenario scenario = new ScenarioFolder(Repository.File("scenarios")).Read(Name);
        SoakOptions options = CommandLineReader.Read<SoakOptions>([.. scenario.Arguments, .. arguments]);
        options.Check();
        var schedule = new SoakSchedule(options.MinuteCount);
        var output = new RunOutput(Console.Out, Console.Error);
        output.Say($"{schedule}");
        using var session = new PairSession(scenario.WithKernelWord(schedule.KernelWord), options, output);
        output.Say($"all consoles and logs: {session.Folder.Path}");

        string samples = session.Folder.File("samples");
        File.Delete(samples);
        var judge = new SoakJudge(
            [
                .. session.Plan.Links.SelectMany(link => new[] { link.EpcDevice, link.EpfBridge })
                    .Select(name => (name, session.Folder.File($"{name}.pid"))),
            ],
            samples,
            output);
        return Show(Run(new PairVerdict(session, scenario, arguments), judge), judge.Report!, session);
    }

    // What cut the run short is a loss; an interrupt ends the soak without a report.
    private static int Run(PairVerdict verdict, SoakJudge judge)
    {
        try
        {
            return verdict.Run(judge);
        }
        catch (RunEndedException error) when (error.Status is RunEndedException.TimedOut or RunEndedException.Failed)
        {
            return error.Status;
        }
    }

    private static int Show(int status, SoakReport report, PairSession session)
    {
        session.Output.Say("");
        foreach (string line in report.Lines)
        {
            session.Output.Say(line);
        }

        if (status == 0)
        {
            session.Output.Say("nothing was lost");
            return 0;
        }

        session.Output.Say($"all consoles and logs: {session.Folder.Path}");
        string[] losses = [.. report.Losses];
        foreach (string loss in losses.DefaultIfEmpty("a guest's kernel or QEMU reported what is not expected"))
        {
            session.Output.Say($"lost: {loss}");
        }

        return 1;
    }
}
