using CommandLine;
using EpfTest.Protocol.Link;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Protocol.Hosting;

/// <summary>The options of a process that is one end of the link.</summary>
public abstract class LinkedDeviceOptions : DeviceOptions
{
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

    /// <summary>What this side offers on the link.</summary>
    /// <exception cref="UsageException">Options contradict each other.</exception>
    public LinkCapabilities LinkCapabilities => (DataPath, MapBars) switch
    {
        (DataPath.Direct, false) => LinkCapabilities.Direct,
        (DataPath.Direct, true) => LinkCapabilities.Direct | LinkCapabilities.MapBars,
        (_, false) => LinkCapabilities.None,
        _ => throw new UsageException("--map-bars takes shared memory: it does not go with --datapath tlp"),
    };

    /// <summary>How QEMU is served. TLPs have to keep their order although clients may post writes.</summary>
    /// <exception cref="UsageException">An option has a value that makes no sense.</exception>
    public VfioUserServerOptions ServerOptions =>
        new() { Peers = Peers, Poll = Poll, TracksPosted = DataPath == DataPath.Tlp };
}
