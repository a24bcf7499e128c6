using System.Globalization;
using EpfTest.Rig.Guests;
using EpfTest.Rig.Options;
using EpfTest.Rig.Scenarios;

namespace EpfTest.Rig.Pairs;

/// <summary>Makes the plan of a run from its options.</summary>
internal static class PairPlanner
{
    private const int EpProcessors = 2;

    // 2048 MSI-X vectors need so many.
    private const int HostProcessors = 12;
    private const int DiskProcessors = 2;
    private const string DefaultMemory = "512M";
    private const string DiskMemory = "1G";
    private const string DefaultWindow = "256M";

    /// <summary>The plan of a scenario.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="options">Its options and the user's, which have been checked.</param>
    public static PairPlan Plan(Scenario scenario, PairOptions options)
    {
        Scenario run = scenario.WithScripts(options.EpScript, options.HostScript);
        bool isKtap = run.Verdict == ScenarioVerdict.Ktap;
        bool isSelfTest = isKtap && run.Name == ScenarioFolder.Default;
        return new PairPlan
        {
            Guests = [.. run.Guests.Select(guest => GuestOf(guest, isSelfTest, options))],
            Links =
            [
                .. run.Links.Select(
                    (link, index) => new LinkPlan(index == 0 ? "" : $"{index + 1}", link.Ep, link.Host)),
            ],
            Limits = LimitsOf(options),
            Judged = isKtap ? run.Guests.First(guest => !guest.IsEp).Name : null,
            NeedsSelfTest = isSelfTest,
            ModuleSources = run.ModuleSources,
            TlpPath = options.DataPath == "tlp",
            Relays = options.Relay,
            MapBars = options.MapBars,
            Window = options.Window is null ? DefaultWindow : options.Window == "off" ? null : options.Window,
            PostsEpWrites = options.PostedWrites,
            PostsHostWrites = !options.StrictOrder,
            HotPlug = options.HotPlug,
            LogLevel = options.LogLevel ?? "Warning",
        };
    }

    private static GuestPlan GuestOf(ScenarioGuest guest, bool isSelfTest, PairOptions options)
    {
        // The self-test runs when the user calls it.
        string[] run =
        [
            .. !options.Shell ? ["epftest.run=/epftest/run"]
                : guest.IsEp || !isSelfTest ? ["epftest.shell=/epftest/run"]
                : Array.Empty<string>(),
            .. options.Slow is { } factor ? [$"epftest.slow={factor}"] : Array.Empty<string>(),
        ];
        var plan = new GuestPlan(guest.Name, guest.IsEp ? GuestRole.Ep : GuestRole.Host, guest.Script)
        {
            Memory = guest.Memory ?? (guest.IsEp || options.HostDisk is null ? DefaultMemory : DiskMemory),
            Additions = [.. options.Additions],
            Modules = [.. options.Modules],
        };
        return guest.IsEp
            ? plan with
            {
                Kernel = options.EpKernel,
                Processors = guest.Processors ?? EpProcessors,
                MemoryKind = MemoryOf(options.EpMemory),
                KernelWords = [.. run, $"pcie_qemu_ep.dma={options.Dma ?? "memcpy"}", .. guest.KernelWords],
                QemuArguments = [.. guest.QemuArguments, .. options.EpQemu.SelectMany(Words)],
            }
            : plan with
            {
                Kernel = options.HostKernel,
                Disk = options.HostDisk,
                Processors = options.HostProcessors is { } count
                    ? int.Parse(count, CultureInfo.InvariantCulture)
                    : guest.Processors ?? (options.HostDisk is null ? HostProcessors : DiskProcessors),
                MemoryKind = MemoryOf(options.HostMemory),
                KernelWords = [.. run, .. HostWords(options), .. guest.KernelWords],
                QemuArguments = [.. guest.QemuArguments, .. options.HostQemu.SelectMany(Words)],
            };
    }

    private static IEnumerable<string> HostWords(PairOptions options) =>
    [
        .. options.HotPlug ? ["epftest.hotplug"] : Array.Empty<string>(),

        // The last word counts. Strict: an unmap takes effect at once.
        .. options.Iommu == "translate" ? ["iommu=nopt", "iommu.strict=1"] : Array.Empty<string>(),
        .. options.Cases is { } cases ? [$"epftest.cases={cases.Replace(' ', ',')}"] : Array.Empty<string>(),
    ];

    private static RunLimits LimitsOf(PairOptions options)
    {
        var limits = new RunLimits();
        TimeSpan boot = Seconds(options.BootTimeout) ?? limits.Boot;
        limits = limits with
        {
            Boot = boot,
            Link = Seconds(options.LinkTimeout) ?? limits.Link,
            Case = Seconds(options.CaseTimeout) ?? limits.Case,
            Run = Seconds(options.RunTimeout) ?? limits.Run,

            // Only --timeout limits a user's script.
            EpGuest = options.EpScript is null ? boot : TimeSpan.Zero,
        };
        return limits.Times(options.Slow is { } factor ? int.Parse(factor, CultureInfo.InvariantCulture) : 1);
    }

    private static GuestMemory MemoryOf(string? kind) => kind switch
    {
        "huge" => GuestMemory.Huge,
        "private" => GuestMemory.Private,
        _ => GuestMemory.Shared,
    };

    private static TimeSpan? Seconds(string? value) =>
        value is null ? null : TimeSpan.FromSeconds(int.Parse(value, CultureInfo.InvariantCulture));

    private static string[] Words(string arguments) =>
        arguments.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
