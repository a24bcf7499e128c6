using CommandLine;
using EpfTest.Protocol.Link;

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

    /// <summary>What this side offers on the link.</summary>
    public LinkCapabilities LinkCapabilities =>
        DataPath == DataPath.Direct ? LinkCapabilities.Direct : LinkCapabilities.None;
}
