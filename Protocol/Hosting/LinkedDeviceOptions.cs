using CommandLine;
using EpfTest.Protocol.Hosting.Qmp;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Protocol.Hosting;

/// <summary>The options of a process that is one end of the link.</summary>
internal abstract class LinkedDeviceOptions : DeviceOptions
{
    // One access may wait for room and for two requests, and QEMU's default timeout is 5 s.
    private const int DefaultTimeout = 2000;
    private const int MaxTimeout = 60_000;

    /// <summary>The socket of the link.</summary>
    [Option(
        "link",
        Required = true,
        MetaValue = "PATH",
        HelpText = "Unix socket of the link between EpcDevice and EpfBridge.")]
    public string Link { get; set; } = "";

    /// <summary>How data travels.</summary>
    [Option(
        "datapath",
        Default = DataPath.Direct,
        MetaValue = "direct|tlp",
        HelpText = "direct: use shared memory where the guests have it; tlp: every access is a TLP on the link.")]
    public DataPath DataPath { get; set; }

    /// <summary>Whether the host's QEMU may map BARs.</summary>
    [Option(
        "map-bars",
        HelpText = "Let the host's QEMU map BARs in shared memory, so that accesses do not trap. Both processes need "
            + "this option. The translation of a mapped BAR cannot change until the host releases the device.")]
    public bool MapBars { get; set; }

    /// <summary>How long a request to the other side may take, in milliseconds.</summary>
    [Option(
        "completion-timeout",
        Default = DefaultTimeout,
        MetaValue = "MS",
        HelpText = "Completion timeout of requests to the other side in milliseconds, 10 to 60000. After it, reads "
            + "return all ones. QEMU's x-msg-timeout has to be three times as long.")]
    public int CompletionTimeout { get; set; } = DefaultTimeout;

    /// <summary>How long the other process may take to acknowledge, in milliseconds.</summary>
    [Option(
        "link-timeout",
        Default = DefaultTimeout,
        MetaValue = "MS",
        HelpText = "How long the other process may take to acknowledge a request of the link, in milliseconds, 10 to "
            + "60000; two and a half times that to say hello, and to read. After it, the link ends.")]
    public int LinkTimeout { get; set; } = DefaultTimeout;

    /// <summary>How long this side waits for the other.</summary>
    /// <exception cref="UsageException">An option has an invalid value.</exception>
    public LinkTimeouts LinkTimeouts
    {
        get
        {
            TimeSpan link = ParseTimeout("--link-timeout", LinkTimeout);
            return new LinkTimeouts
            {
                Completion = ParseTimeout("--completion-timeout", CompletionTimeout),
                Acknowledge = link,
                Room = link,
                Hello = 2.5 * link,
                Send = 2.5 * link,
            };
        }
    }

    /// <summary>
    /// QEMU's time-out for our replies: longer than all of our own. With the defaults it is what
    /// <c>qemu-configs/*.args</c> has.
    /// </summary>
    public TimeSpan QemuTimeout =>
        TimeSpan.FromMilliseconds(5 * Math.Max(DefaultTimeout, Math.Max(CompletionTimeout, LinkTimeout)));

    /// <summary>The monitor of the QEMU to plug into.</summary>
    [Option(
        "qmp",
        MetaValue = "PATH",
        HelpText = "Plug the device into a running QEMU with this monitor socket (-qmp unix:PATH,server=on,wait=off), "
            + "and unplug it at the end. Needs --hotplug-bus.")]
    public string? Qmp { get; set; }

    /// <summary>The root ports to plug into.</summary>
    [Option(
        "hotplug-bus",
        Separator = ',',
        MetaValue = "ID",
        HelpText = "ID of the root port to plug the device into. EpcDevice --window needs two: ID,ID, the second for "
            + "the window.")]
    public IEnumerable<string> HotPlugBuses { get; set; } = [];

    /// <summary>Whether QEMU may post writes to the plugged device; null for the default of the process.</summary>
    [Option(
        "hotplug-posted-writes",
        MetaValue = "true|false",
        HelpText = "Whether QEMU may post writes to the plugged device, that is, go on before they have arrived "
            + "(x-no-posted-writes); see docs/link-protocol.md. The default is false for EpcDevice on the direct path, "
            + "else true.")]
    public bool? HotPlugPostsWrites { get; set; }

    /// <summary>Whether the plugged device has MSI-X.</summary>
    [Option(
        "hotplug-msix",
        HelpText = "Give the plugged device MSI-X. Without this option it has MSI only, because QEMU (up to 11.1 at "
            + "least) ends when it unplugs a vfio-user-pci device with MSI-X (docs/reliability.md).")]
    public bool HotPlugMsix { get; set; }

    /// <summary>Where to plug the devices; null for not at all.</summary>
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
            throw new UsageException(
                "--qmp and --hotplug-bus need each other: one names the QEMU, the other its root port");
        }

        return names.Length == buses && !names.Contains("")
            ? new HotPlugTarget(Qmp, names)
            : throw new UsageException($"--hotplug-bus {string.Join(',', names)}: invalid; give "
                + (buses == 1 ? "the ID of one root port" : $"the IDs of {buses} root ports, separated by a comma"));
    }

    /// <summary>What this side offers on the link.</summary>
    /// <exception cref="UsageException">Options contradict each other.</exception>
    public LinkCapabilities LinkCapabilities => (DataPath, MapBars) switch
    {
        (DataPath.Direct, false) => LinkCapabilities.Direct | LinkCapabilities.Interrupts,
        (DataPath.Direct, true) => LinkCapabilities.Direct | LinkCapabilities.Interrupts | LinkCapabilities.MapBars,
        (_, false) => LinkCapabilities.None,
        _ => throw new UsageException("--map-bars needs shared memory, so it cannot be used with --datapath tlp"),
    };

    /// <summary>Options of the vfio-user server. TLPs have to stay in order although clients may post writes.</summary>
    /// <exception cref="UsageException">An option has an invalid value.</exception>
    public VfioUserServerOptions ServerOptions =>
        new() { Peers = Peers, Poll = Poll, TracksPosted = DataPath == DataPath.Tlp };

    private static TimeSpan ParseTimeout(string option, int milliseconds) => milliseconds is >= 10 and <= MaxTimeout
        ? TimeSpan.FromMilliseconds(milliseconds)
        : throw new UsageException($"{option} {milliseconds}: invalid; give milliseconds from 10 to {MaxTimeout}");
}
