using EpfTest.Rig.Guests;
using EpfTest.Rig.Options;
using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Scenarios;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig;

/// <summary>A run with all that it needs; nothing of it is left afterwards but its folder.</summary>
internal sealed class PairSession : IDisposable
{
    private readonly ChildProcesses _processes = new();
    private readonly Signals _signals;

    /// <summary>Makes everything ready to start.</summary>
    /// <param name="scenario">What to run.</param>
    /// <param name="options">The scenario's options and the user's.</param>
    /// <param name="output">Where to print.</param>
    /// <exception cref="UsageException">An option is invalid.</exception>
    /// <exception cref="RunEndedException">Something cannot be made ready.</exception>
    public PairSession(Scenario scenario, PairOptions options, RunOutput output)
    {
        Output = output;
        Plan = PairPlanner.Plan(scenario, options);
        CorePlacement cores = CorePlacement.Choose(
            [.. NamesOf(GuestRole.Ep), .. Plan.Links.Select(link => link.EpcDevice)],
            [
                .. NamesOf(GuestRole.Host),
                .. Plan.Links.SelectMany(link => Plan.Relays ? [link.EpfBridge, link.Relay] : new[] { link.EpfBridge }),
            ],
            CoreList.Allowed(),
            Plan.TlpPath,
            options.NoPin ? null : options.Pins);
        Sockets = new SocketFolder();
        _signals = new Signals(Events);
        try
        {
            var toolchain = new PairToolchain(Plan, new BashToolchain(_processes, Events.WaitFor));
            toolchain.Prepare(options);
            Systems = toolchain.Systems;
            output.Say(cores.ToString());
            Folder = new RunFolder(options.Out);
            var builder = new PairBuilder(Plan, Systems, cores, Folder, Sockets);
            toolchain.MakeImages(builder);
            Setup = builder.Build(_processes, Events);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public PairPlan Plan { get; }

    public PairSetup Setup { get; }

    public RunFolder Folder { get; }

    public RunOutput Output { get; }

    public EventQueue Events { get; } = new();

    public SocketFolder Sockets { get; }

    public IProcessStarter Processes => _processes;

    /// <summary>What runs each guest.</summary>
    public IReadOnlyDictionary<string, GuestSystem> Systems { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PairGuest guest in Setup?.Guests ?? [])
        {
            guest.Guest.Dispose();
        }

        _processes.Dispose();
        Sockets.Dispose();
        _signals.Dispose();
    }

    private IEnumerable<string> NamesOf(GuestRole role) =>
        Plan.Guests.Where(guest => guest.Role == role).Select(guest => guest.Name);
}
