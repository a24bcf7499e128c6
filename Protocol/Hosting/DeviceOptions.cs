using CommandLine;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Hosting;

/// <summary>The options that every device process has.</summary>
public abstract class DeviceOptions
{
    /// <summary>Where the vfio-user socket is made.</summary>
    [Option("socket", Required = true, MetaValue = "PATH", HelpText = "Serve QEMU's vfio-user-pci at this Unix socket.")]
    public string Socket { get; set; } = "";

    /// <summary>The least severe events that are logged.</summary>
    [Option(
        "log-level",
        Default = LogLevel.Warning,
        MetaValue = "LEVEL",
        HelpText = "Log to stderr from this level on: Trace, Debug, Information, Warning, Error, Critical or None.")]
    public LogLevel LogLevel { get; set; }
}
