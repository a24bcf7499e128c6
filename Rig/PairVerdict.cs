using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Results;
using EpfTest.Rig.Scenarios;
using EpfTest.Rig.Terminal;
using EpfTest.Rig.Toolchain;
using Spectre.Console;

namespace EpfTest.Rig;

/// <summary>
/// Runs guests, judges the run by its judge and by what kernels and QEMUs reported, and leaves result.json.
/// </summary>
/// <param name="session">The run.</param>
/// <param name="scenario">What it runs.</param>
/// <param name="arguments">The user's options.</param>
internal sealed class PairVerdict(PairSession session, Scenario scenario, IReadOnlyList<string> arguments)
{
    private readonly DateTimeOffset _started = DateTimeOffset.Now;
    private PairRun? _run;

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="RunEndedException">The run was cut short; all but the reason has been printed.</exception>
    public int Run(IPairJudge judge)
    {
        try
        {
            int status = RunShown(judge);
            IReadOnlyList<GuestResult> guests = Read();
            string[] reasons =
            [
                .. session.Setup.Guests.Zip(guests)
                    .SelectMany(item => KernelReports.Show(item.First, item.Second, session.Output)),
            ];
            status = status == 0 && reasons.Length > 0 ? 1 : status;
            Write(judge, guests, status == 0 ? RunOutcome.Passed : RunOutcome.Failed, status, reasons);
            return status;
        }
        catch (RunEndedException error)
        {
            IReadOnlyList<GuestResult> guests = Read();
            AbandonReport.Write(session.Setup, guests, error, session.Folder.Path, session.Output);
            RunOutcome outcome = error.Status == RunEndedException.TimedOut ? RunOutcome.TimedOut : RunOutcome.Broken;
            Write(judge, guests, outcome, error.Status, [error.Message]);
            throw;
        }
    }

    private int RunShown(IPairJudge judge)
    {
        if (Console.IsOutputRedirected || Console.IsErrorRedirected)
        {
            _run = new PairRun(session.Setup, judge, session.Events);
            return _run.Run();
        }

        using var terminal = new TerminalProgress(AnsiConsole.Console, () => session.Events.Now);
        session.Output.Terminal = terminal;
        try
        {
            _run = new PairRun(session.Setup, judge, session.Events) { Step = terminal.Step };
            return _run.Run();
        }
        finally
        {
            session.Output.Terminal = null;
        }
    }

    private IReadOnlyList<GuestResult> Read()
    {
        Expectations expectations = Expectations.Read(
            DateOnly.FromDateTime(DateTime.Now),
            Expectations.Files(Repository.Root, scenario.Folder, _run is { HasKilled: true }));
        return [.. session.Setup.Guests.Select(guest => KernelReports.Read(guest, expectations))];
    }

    private void Write(
        IPairJudge judge,
        IReadOnlyList<GuestResult> guests,
        RunOutcome outcome,
        int status,
        IReadOnlyList<string> reasons) =>
        new RunResult(scenario.Name, outcome, status)
        {
            Started = _started,
            Seconds = session.Events.Now.TotalSeconds,
            Arguments = arguments,
            Guests = guests,
            Cases = judge.Cases,
            Planned = judge.Planned,
            Reasons = [.. judge.Reasons.Concat(reasons).Distinct()],
        }.Write(session.Folder.File(RunResult.FileName));
}
