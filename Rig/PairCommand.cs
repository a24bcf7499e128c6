using EpfTest.Rig.Options;
using EpfTest.Rig.Pairs;
using EpfTest.Rig.Results;
using EpfTest.Rig.Scenarios;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig;

/// <summary>The verb <c>pair</c>: runs a scenario.</summary>
internal static class PairCommand
{
    /// <summary>Runs it and judges it.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        PairOptions options = Read(arguments, out Scenario scenario);
        using var session = new PairSession(scenario, options, new RunOutput(Console.Out, Console.Error));
        if (options.Shell)
        {
            new PairRun(session.Setup, new StatusJudge(session.Output), session.Events).StartProcesses();
            new PairShell(session.Setup, session.Sockets, session.Processes).Run();
            session.Output.Say($"all consoles and logs: {session.Folder.Path}");
            return 0;
        }

        return session.Plan.Judged is null
            ? new PairVerdict(session, scenario, arguments).Run(new StatusJudge(session.Output))
            : RunTest(session, new PairVerdict(session, scenario, arguments), options.Out is not null);
    }

    /// <summary>Reads the options, after which those of the scenario come first: the last one counts.</summary>
    /// <exception cref="UsageException">They are invalid, or there is no such scenario.</exception>
    public static PairOptions Read(string[] arguments, out Scenario scenario)
    {
        PairOptions options = CommandLineReader.Read<PairOptions>(arguments);
        options.Check();
        scenario = new ScenarioFolder(Repository.File("scenarios")).Read(options.Scenario ?? ScenarioFolder.Default);
        options = CommandLineReader.Read<PairOptions>([.. scenario.Arguments, .. arguments]);
        options.Check();
        return options;
    }

    private static int RunTest(PairSession session, PairVerdict verdict, bool isKept)
    {
        PairPlan plan = session.Plan;
        GuestPlan judged = plan.Guests.First(guest => guest.Name == plan.Judged);
        var skips = new SelfTestSkips(
            session.Systems[plan.Links[0].Ep].Kernel.Directory,
            session.Systems[judged.Name].Kernel.Directory,
            judged.Processors,
            plan.MapBars);
        var judge = new KtapJudge(judged.Name, plan.Limits.Case, session.Output, session.Folder.File("junit.xml"))
        {
            Test = plan.NeedsSelfTest ? "the self-test" : "the test",
            Explain = plan.NeedsSelfTest ? skips.Explain : reason => reason == "" ? null : "the test says so",
        };
        int status = verdict.Run(judge);
        if (status != 0 || isKept)
        {
            session.Output.Say($"all consoles and logs: {session.Folder.Path}");
        }

        session.Output.Print(judge.Counts);
        return status;
    }
}
