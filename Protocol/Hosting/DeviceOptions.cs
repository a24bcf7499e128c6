using CommandLine;
using EpfTest.Protocol.Linux;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Hosting;

/// <summary>The options that every device process has.</summary>
internal abstract class DeviceOptions
{
    private const int MaxPollMicroseconds = 1_000_000;

    private static readonly TimeSpan s_defaultPoll = TimeSpan.FromMicroseconds(50);

    /// <summary>Where the vfio-user socket is created.</summary>
    [Option(
        "socket",
        Required = true,
        MetaValue = "PATH",
        HelpText = "Unix socket at which to serve QEMU's vfio-user-pci.")]
    public string Socket { get; set; } = "";

    /// <summary>How long to poll for QEMU's next message, in microseconds; null to decide by the number of
    /// cores.</summary>
    [Option(
        "poll-us",
        MetaValue = "N",
        HelpText = "Poll for QEMU's next message for N microseconds before sleeping; 0 turns polling off. The "
            + "default is 50 if the process may use at least 4 cores, else 0.")]
    public int? PollMicroseconds { get; set; }

    /// <summary>The same as a time.</summary>
    /// <exception cref="UsageException">The option is out of range.</exception>
    public TimeSpan Poll => PollMicroseconds switch
    {
        // Two QEMUs and two processes: with fewer cores, polling keeps one of them from running.
        null => Environment.ProcessorCount >= 4 ? s_defaultPoll : TimeSpan.Zero,
        >= 0 and <= MaxPollMicroseconds => TimeSpan.FromMicroseconds(PollMicroseconds.Value),
        _ => throw new UsageException(
            $"--poll-us {PollMicroseconds}: invalid; give microseconds from 0 to {MaxPollMicroseconds}"),
    };

    /// <summary>User IDs, besides our own, whose processes may be at the other end of a socket.</summary>
    [Option(
        "allow-uid",
        Separator = ',',
        MetaValue = "UID[,UID]",
        HelpText = "Also accept peers that run as these users. By default only the user who runs this process is "
            + "accepted.")]
    public IEnumerable<uint> AllowedUsers { get; set; } = [];

    /// <summary>The users whose processes may be peers.</summary>
    public PeerPolicy Peers => new(AllowedUsers);

    /// <summary>The least severe events that are logged.</summary>
    [Option(
        "log-level",
        Default = LogLevel.Warning,
        MetaValue = "LEVEL",
        HelpText = "Least severe level that is logged to stderr: Trace, Debug, Information, Warning, Error, Critical "
            + "or None.")]
    public LogLevel LogLevel { get; set; }
}
