using CommandLine;
using EpfTest.Protocol.Linux;
using Microsoft.Extensions.Logging;

namespace EpfTest.Protocol.Hosting;

/// <summary>The options that every device process has.</summary>
internal abstract class DeviceOptions
{
    private const int MaxPollMicroseconds = 1_000_000;

    private static readonly TimeSpan s_defaultPoll = TimeSpan.FromMicroseconds(50);

    /// <summary>Where the vfio-user socket is made.</summary>
    [Option("socket", Required = true, MetaValue = "PATH", HelpText = "Serve QEMU's vfio-user-pci at this Unix socket.")]
    public string Socket { get; set; } = "";

    /// <summary>For how long QEMU's next message is polled for, in microseconds; null to go by the cores.</summary>
    [Option(
        "poll-us",
        MetaValue = "N",
        HelpText = "Ask for QEMU's next message for so many microseconds before waiting for it; 0 not to. By default 50 "
            + "where the process may use 4 cores or more, else 0.")]
    public int? PollMicroseconds { get; set; }

    /// <summary>The same as a time.</summary>
    /// <exception cref="UsageException">It is negative, or longer than any wake-up takes.</exception>
    public TimeSpan Poll => PollMicroseconds switch
    {
        // Two QEMUs and two processes: with fewer cores, whoever polls keeps one of them from its work.
        null => Environment.ProcessorCount >= 4 ? s_defaultPoll : TimeSpan.Zero,
        >= 0 and <= MaxPollMicroseconds => TimeSpan.FromMicroseconds(PollMicroseconds.Value),
        _ => throw new UsageException(
            $"--poll-us {PollMicroseconds}: give microseconds from 0 to {MaxPollMicroseconds}"),
    };

    /// <summary>User IDs, beside our own, whose processes may be at the other end of a socket.</summary>
    [Option(
        "allow-uid",
        Separator = ',',
        MetaValue = "UID[,UID]",
        HelpText = "Also speak to processes of these users; else only to those of the user who runs this one.")]
    public IEnumerable<uint> AllowedUsers { get; set; } = [];

    /// <summary>Whom to speak to.</summary>
    public PeerPolicy Peers => new(AllowedUsers);

    /// <summary>The least severe events that are logged.</summary>
    [Option(
        "log-level",
        Default = LogLevel.Warning,
        MetaValue = "LEVEL",
        HelpText = "Log to stderr from this level on: Trace, Debug, Information, Warning, Error, Critical or None.")]
    public LogLevel LogLevel { get; set; }
}
