using System.Globalization;
using EpfTest.Rig.Options;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig.Pairs;

/// <summary>Makes the plan of a run from its options.</summary>
internal static class PairPlanner
{
    private const int HostProcessors = 12;

    /// <summary>The plan of options that have been checked.</summary>
    public static PairPlan Plan(PairOptions options)
    {
        bool tlpPath = options.DataPath == "tlp";
        return new PairPlan
        {
            Guests = [EpGuest(options), HostGuest(options)],
            Links = [new LinkPlan("", "ep", "host")],
            Limits = LimitsOf(options),
            Judged = options.HostScript is null ? "host" : null,
            TlpPath = tlpPath,
            MapBars = options.MapBars,
            Window = options.Window is null ? "256M" : options.Window == "off" ? null : options.Window,
            PostsEpWrites = options.PostedWrites,
            PostsHostWrites = !options.StrictOrder,
            Dma = options.Dma ?? "memcpy",
            HotPlug = options.HotPlug,
            LogLevel = options.LogLevel ?? "Warning",
        };
    }

    private static GuestPlan EpGuest(PairOptions options) => new(
        "ep", GuestRole.Ep, options.EpScript ?? Repository.File("guest", "pci-epf-test"))
    {
        Kernel = options.EpKernel,
        SharesMemory = options.EpMemory != "private",
        KernelWords = ["epftest.run=/epftest/run", $"pcie_qemu_ep.dma={options.Dma ?? "memcpy"}"],
        QemuArguments = [.. options.EpQemu.SelectMany(Words)],
        Additions = [.. options.Additions],
        Modules = [.. options.Modules],
    };

    private static GuestPlan HostGuest(PairOptions options) => new(
        "host", GuestRole.Host, options.HostScript ?? Repository.File("guest", "self-test"))
    {
        Kernel = options.HostKernel,
        Processors = options.HostProcessors is { } count
            ? int.Parse(count, CultureInfo.InvariantCulture)
            : HostProcessors,
        SharesMemory = options.HostMemory != "private",
        KernelWords =
        [
            "epftest.run=/epftest/run",
            .. options.HotPlug ? ["epftest.hotplug"] : Array.Empty<string>(),

            // The last word counts. Strict: an unmap takes effect at once.
            .. options.Iommu == "translate" ? ["iommu=nopt", "iommu.strict=1"] : Array.Empty<string>(),
            .. options.Cases is { } cases ? [$"epftest.cases={cases.Replace(' ', ',')}"] : Array.Empty<string>(),
        ],
        QemuArguments = [.. options.HostQemu.SelectMany(Words)],
        Additions = [.. options.Additions],
        Modules = [.. options.Modules],
    };

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

    private static TimeSpan? Seconds(string? value) =>
        value is null ? null : TimeSpan.FromSeconds(int.Parse(value, CultureInfo.InvariantCulture));

    private static string[] Words(string arguments) =>
        arguments.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
