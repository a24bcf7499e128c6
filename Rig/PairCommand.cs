using EpfTest.Rig.Guests;
using EpfTest.Rig.Options;
using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Results;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig;

/// <summary>The verb <c>pair</c>.</summary>
internal static class PairCommand
{
    /// <summary>Runs guests and what is between them.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments)
    {
        PairOptions options = CommandLineReader.Read<PairOptions>(arguments);
        options.Check();
        PairPlan plan = PairPlanner.Plan(options);
        CorePlacement cores = CorePlacement.Choose(
            [.. NamesOf(plan, GuestRole.Ep), .. plan.Links.Select(link => link.EpcDevice)],
            [.. NamesOf(plan, GuestRole.Host), .. plan.Links.Select(link => link.EpfBridge)],
            CoreList.Allowed(),
            plan.TlpPath,
            options.NoPin ? null : options.Pins);

        var events = new EventQueue();
        using var signals = new Signals(events);
        using var sockets = new SocketFolder();
        using var processes = new ChildProcesses();
        var toolchain = new PairToolchain(plan, new BashToolchain(processes, events.WaitFor));
        toolchain.Prepare(options);

        var output = new RunOutput(Console.Out, Console.Error);
        output.Say(cores.ToString());
        var folder = new RunFolder(options.Out);
        var builder = new PairBuilder(plan, toolchain.Systems, cores, folder, sockets);
        toolchain.MakeImages(builder);
        PairSetup setup = builder.Build(processes, events);
        return Judge(plan, setup, toolchain.Systems, events, folder, output, options.Out is not null);
    }

    private static int Judge(
        PairPlan plan,
        PairSetup setup,
        IReadOnlyDictionary<string, GuestSystem> systems,
        EventQueue events,
        RunFolder folder,
        RunOutput output,
        bool isKept)
    {
        KtapJudge? ktap = plan.Judged is null ? null : KtapJudgeOf(plan, systems, folder, output);
        var run = new PairRun(setup, ktap ?? (IPairJudge)new StatusJudge(output), events);
        Expectations expectations = Expectations.Read(
            DateOnly.FromDateTime(DateTime.Now), Repository.File("scenarios", "expected-reports.txt"));
        try
        {
            int status = run.Run();
            var reports = new KernelReports(setup.Guests, expectations);
            reports.Show(output);
            if (status == 0 && reports.HasUnexpected)
            {
                status = 1;
            }

            if (ktap is not null && (status != 0 || isKept))
            {
                output.Say($"all consoles and logs: {folder.Path}");
            }

            if (ktap is not null)
            {
                output.Print(ktap.Counts);
            }

            return status;
        }
        catch (RunEndedException error)
        {
            AbandonReport.Write(setup, new KernelReports(setup.Guests, expectations), error, folder.Path, output);
            throw;
        }
        finally
        {
            foreach (PairGuest guest in setup.Guests)
            {
                guest.Guest.Dispose();
            }
        }
    }

    private static KtapJudge KtapJudgeOf(
        PairPlan plan, IReadOnlyDictionary<string, GuestSystem> systems, RunFolder folder, RunOutput output)
    {
        GuestPlan judged = plan.Guests.First(guest => guest.Name == plan.Judged);
        GuestPlan ep = plan.Guests.First(guest => guest.Role == GuestRole.Ep);
        var skips = new SelfTestSkips(
            systems[ep.Name].Kernel.Directory,
            systems[judged.Name].Kernel.Directory,
            judged.Processors,
            plan.MapBars);
        return new KtapJudge(judged.Name, plan.Limits.Case, skips.Explain, output, folder.File("junit.xml"));
    }

    private static IEnumerable<string> NamesOf(PairPlan plan, GuestRole role) =>
        plan.Guests.Where(guest => guest.Role == role).Select(guest => guest.Name);
}
