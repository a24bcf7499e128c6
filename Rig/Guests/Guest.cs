using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Guests;

/// <summary>A guest: its QEMU, the channel of its script, its files.</summary>
internal sealed class Guest : IDisposable
{
    private readonly string _socket;
    private readonly IProcessStarter _starter;
    private readonly EventQueue _events;
    private IChildProcess? _qemu;
    private ScriptChannel? _channel;
    private Task _watching = Task.CompletedTask;
    private volatile bool _killed;

    /// <summary>Makes a guest that does not run yet.</summary>
    /// <param name="spec">What it is.</param>
    /// <param name="command">Its QEMU's command line, without the serial ports.</param>
    /// <param name="files">Its files.</param>
    /// <param name="socket">Where its script's channel is.</param>
    /// <param name="starter">Starts its QEMU.</param>
    /// <param name="events">Learns what happens to it.</param>
    public Guest(
        GuestSpec spec,
        IReadOnlyList<string> command,
        GuestFiles files,
        string socket,
        IProcessStarter starter,
        EventQueue events)
    {
        Spec = spec;
        Files = files;
        Command = command;
        (_socket, _starter, _events) = (socket, starter, events);
    }

    public GuestSpec Spec { get; }

    public string Name => Spec.Name;

    /// <summary>Its QEMU's command line, without the serial ports.</summary>
    public IReadOnlyList<string> Command { get; }

    public GuestFiles Files { get; }

    public bool IsRunning => _qemu is { Ended.IsCompleted: false };

    /// <summary>Its script's exit status; null if it has not ended.</summary>
    public int? ScriptStatus => _channel?.ScriptStatus;

    /// <summary>Starts its QEMU, for the first time or again. Its files are continued.</summary>
    public void Start()
    {
        _channel?.Dispose();
        _killed = false;
        var channel = new ScriptChannel(
            _socket, Files.Result, line => _events.Post(new GuestLine(this, _events.Now, line)));
        _channel = channel;
        _qemu = _starter.Start(new ProcessSpec(
            $"the {Spec.Title}'s QEMU", [.. Command, .. QemuCommandLine.Unattended(Files.Console, _socket)])
        {
            Log = Files.QemuLog,
            Cores = Spec.Cores,
        });
        _watching = WatchAsync(_qemu, channel);
    }

    /// <summary>Kills its QEMU, as a fault does. The lines that its script has printed come as events all the
    /// same.</summary>
    public void Kill()
    {
        _killed = true;
        _qemu?.Kill();
        _watching.Wait();
    }

    /// <summary>Sends a line to its script.</summary>
    public void Tell(string line) => _channel?.Tell(line);

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill();
        _channel?.Dispose();
    }

    private async Task WatchAsync(IChildProcess qemu, ScriptChannel channel)
    {
        int status = await qemu.Ended;
        channel.Finish();
        await channel.Completed;
        if (!_killed)
        {
            _events.Post(new GuestEnded(this, status));
        }
    }
}
