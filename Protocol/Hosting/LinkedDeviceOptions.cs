using CommandLine;
using EpfTest.Protocol.Hosting.Qmp;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Protocol.Hosting;

/// <summary>The options of a process that is one end of the link.</summary>
internal abstract class LinkedDeviceOptions : DeviceOptions
{
    // One access may wait for room and for two requests, and QEMU gives up after 5 s.
    private const int MaxCompletionTimeout = 2000;

    /// <summary>Where the two processes meet.</summary>
    [Option("link", Required = true, MetaValue = "PATH", HelpText = "The Unix socket between EpcDevice and EpfBridge.")]
    public string Link { get; set; } = "";

    /// <summary>How data travels.</summary>
    [Option(
        "datapath",
        Default = DataPath.Direct,
        MetaValue = "direct|tlp",
        HelpText = "direct: through shared memory where there is some; tlp: every access is a TLP on the link.")]
    public DataPath DataPath { get; set; }

    /// <summary>Whether the host's QEMU may map BARs.</summary>
    [Option(
        "map-bars",
        HelpText = "Let the host's QEMU map BARs in shared memory, so that its accesses do not trap; both processes need it. "
            + "What the BARs lead to then cannot change until the host lets go of the device.")]
    public bool MapBars { get; set; }

    /// <summary>How long a request to the other side may take, in milliseconds.</summary>
    [Option(
        "completion-timeout",
        Default = MaxCompletionTimeout,
        MetaValue = "MS",
        HelpText = "Give up a request to the other side after so many milliseconds, 10 to 2000: its reads then give all ones.")]
    public int CompletionTimeout { get; set; } = MaxCompletionTimeout;

    /// <summary>How long this side waits for the other.</summary>
    /// <exception cref="UsageException">An option has a value that makes no sense.</exception>
    public LinkTimeouts LinkTimeouts => CompletionTimeout is >= 10 and <= MaxCompletionTimeout
        ? new() { Completion = TimeSpan.FromMilliseconds(CompletionTimeout) }
        : throw new UsageException(
            $"--completion-timeout {CompletionTimeout}: give milliseconds from 10 to {MaxCompletionTimeout}");

    /// <summary>The monitor of the QEMU to plug into.</summary>
    [Option(
        "qmp",
        MetaValue = "PATH",
        HelpText = "Plug the device into a running QEMU, whose monitor is at this Unix socket (-qmp unix:PATH,server=on,wait=off), "
            + "and unplug it again; with --hotplug-bus.")]
    public string? Qmp { get; set; }

    /// <summary>The root ports to plug into.</summary>
    [Option(
        "hotplug-bus",
        Separator = ',',
        MetaValue = "ID",
        HelpText = "The ID of the root port that takes the device; for EpcDevice --window, ID,ID: another for the window.")]
    public IEnumerable<string> HotPlugBuses { get; set; } = [];

    /// <summary>Whether QEMU may go on before a write to what is plugged has arrived; null for the process's own choice.</summary>
    [Option(
        "hotplug-posted-writes",
        MetaValue = "true|false",
        HelpText = "Whether QEMU may go on before a write to the device that is plugged has arrived (its x-no-posted-writes); "
            + "docs/link-protocol.md has what depends on it. By default not for EpcDevice on the direct path.")]
    public bool? HotPlugPostsWrites { get; set; }

    /// <summary>Whether what is plugged has MSI-X.</summary>
    [Option(
        "hotplug-msix",
        HelpText = "Let the device that is plugged have MSI-X. QEMU up to 11.1 at least ends when it unplugs a vfio-user-pci device "
            + "with MSI-X (docs/reliability.md), so without this it has MSI only.")]
    public bool HotPlugMsix { get; set; }

    /// <summary>Where the devices are to be plugged, null where they are not.</summary>
    /// <param name="buses">How many root ports that takes.</param>
    /// <exception cref="UsageException">Options are missing, or contradict each other.</exception>
    public HotPlugTarget? ParseHotPlug(int buses)
    {
        string[] names = [.. HotPlugBuses];
        if (Qmp is null && names.Length == 0)
        {
            return null;
        }

        if (Qmp is null || names.Length == 0)
        {
            throw new UsageException("--qmp and --hotplug-bus go together: one says in which QEMU, the other where in it");
        }

        return names.Length == buses && !names.Contains("")
            ? new HotPlugTarget(Qmp, names)
            : throw new UsageException(
                $"--hotplug-bus {string.Join(',', names)}: give {(buses == 1 ? "the ID of one root port" : $"the IDs of {buses} root ports, with a comma between them")}");
    }

    /// <summary>What this side offers on the link.</summary>
    /// <exception cref="UsageException">Options contradict each other.</exception>
    public LinkCapabilities LinkCapabilities => (DataPath, MapBars) switch
    {
        (DataPath.Direct, false) => LinkCapabilities.Direct | LinkCapabilities.Interrupts,
        (DataPath.Direct, true) => LinkCapabilities.Direct | LinkCapabilities.Interrupts | LinkCapabilities.MapBars,
        (_, false) => LinkCapabilities.None,
        _ => throw new UsageException("--map-bars takes shared memory: it does not go with --datapath tlp"),
    };

    /// <summary>How QEMU is served. TLPs have to keep their order although clients may post writes.</summary>
    /// <exception cref="UsageException">An option has a value that makes no sense.</exception>
    public VfioUserServerOptions ServerOptions =>
        new() { Peers = Peers, Poll = Poll, TracksPosted = DataPath == DataPath.Tlp };
}
