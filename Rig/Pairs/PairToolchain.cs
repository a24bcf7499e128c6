using EpfTest.Rig.Options;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig.Pairs;

/// <summary>What the guests of a plan need of the toolchain: systems, drivers, images.</summary>
/// <param name="plan">The plan.</param>
/// <param name="toolchain">The scripts in bash.</param>
internal sealed class PairToolchain(PairPlan plan, BashToolchain toolchain)
{
    private readonly Dictionary<string, GuestSystem> _systems = [];
    private readonly Dictionary<string, IReadOnlyList<string>> _built = [];
    private readonly Dictionary<string, string> _releases = [];

    /// <summary>What runs each guest.</summary>
    public IReadOnlyDictionary<string, GuestSystem> Systems => _systems;

    /// <summary>Prepares QEMU and the kernels.</summary>
    /// <exception cref="RunEndedException">The guests cannot be run.</exception>
    public void Prepare(ToolchainOptions options)
    {
        foreach (IGrouping<string, GuestPlan> sharing in plan.Guests.GroupBy(guest => guest.Kernel ?? ""))
        {
            PreparedToolchain prepared = toolchain.Prepare(
            [
                .. options.ToolchainArguments(sharing.Key == "" ? null : sharing.Key),
                .. sharing.Any(guest => guest.Role == GuestRole.Ep) ? ["--driver"] : Array.Empty<string>(),
                .. plan.ModuleSources.SelectMany(source => new[] { "--module-source", source }),
            ]);
            foreach (GuestPlan guest in sharing)
            {
                _systems[guest.Name] = prepared.System;
                _built[guest.Name] = prepared.Modules;
            }
        }

        CheckSelfTest();
        CheckModules();
    }

    /// <summary>Makes the images of all guests.</summary>
    public void MakeImages(PairBuilder builder)
    {
        foreach (GuestPlan guest in plan.Guests.Where(guest => guest.Disk is null))
        {
            GuestSystem system = _systems[guest.Name];
            IEnumerable<string> modules = guest.Modules.Where(module => _releases[module] == system.Kernel.Release);
            toolchain.MakeImage(
                builder.ImageOf(guest),
                system,
                builder.ImageSpecOf(guest, [.. _built[guest.Name], .. modules]));
        }
    }

    private void CheckSelfTest()
    {
        if (plan.NeedsSelfTest && plan.Judged is { } judged && !_systems[judged].Kernel.HasSelfTest)
        {
            throw new RunEndedException(
                RunEndedException.Error,
                $"kernel {_systems[judged].Kernel.Release} has no endpoint self-test (6.13 and later have): choose\n"
                    + "another for the host guest with --host-kernel, or your own test with --host-script");
        }
    }

    /// <summary>Each module has to be built for a guest's kernel.</summary>
    private void CheckModules()
    {
        string[] releases = [.. _systems.Values.Select(system => system.Kernel.Release).Distinct().Order()];
        foreach (string module in plan.Guests.SelectMany(guest => guest.Modules).Distinct())
        {
            _releases[module] = toolchain.ReleaseOf(module);
            if (!releases.Contains(_releases[module]))
            {
                throw new RunEndedException(
                    RunEndedException.Error,
                    $"--module {module}: built for {_releases[module]}, but the guests' kernels are: "
                        + string.Join(' ', releases));
            }
        }
    }
}
