using EpfTest.Rig.Guests;
using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Pairs;

/// <summary>An interactive run: the guests' consoles side by side in tmux.</summary>
/// <param name="setup">The run. Its processes have to run.</param>
/// <param name="sockets">Where tmux has its socket.</param>
/// <param name="processes">Starts tmux.</param>
internal sealed class PairShell(
    PairSetup setup,
    SocketFolder sockets,
    IProcessStarter processes)
{
    private const string Session = "pair";
    private static readonly TimeSpan s_serverLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    // A server of its own, because the user may already be in tmux; not a daemon, so that it ends with us.
    private string[] Tmux => ["env", "TMUX=", "tmux", "-S", sockets.File("tmux")];

    /// <summary>Returns when all guests have ended or the user has left tmux.</summary>
    /// <exception cref="RunEndedException">A process has ended, or tmux does not start.</exception>
    public void Run()
    {
        string log = sockets.File("tmux.log");
        processes.Start(new ProcessSpec("tmux", [.. Tmux, "-D"]) { Log = log });
        if (!SpinWait.SpinUntil(() => File.Exists(sockets.File("tmux")), s_serverLimit))
        {
            throw new RunEndedException(RunEndedException.Error, $"tmux did not start: {File.ReadAllText(log)}");
        }

        foreach ((int index, PairGuest guest) in setup.Guests.Index())
        {
            Do(index == 0
                ? ["new-session", "-d", "-s", Session, "-n", Session, PaneOf(guest)]
                : ["split-window", "-h", "-t", Session, PaneOf(guest)]);
        }

        Do("select-layout", "-t", Session, "even-horizontal");
        Do("select-pane", "-t", $"{Session}:{Session}.0");
        IChildProcess user = processes.Start(
            new ProcessSpec("tmux", [.. Tmux, "attach", "-t", Session]) { OnTerminal = true });
        while (!user.Ended.Wait(s_poll))
        {
            // The guests are useless without them.
            if (Processes.FirstOrDefault(process => process.EndedWith is not null) is { } ended)
            {
                Do("kill-server");
                user.Ended.Wait();
                throw new RunEndedException(
                    RunEndedException.Failed, $"{ended.Name} ended with status {ended.EndedWith}");
            }
        }

        Do("kill-server");
    }

    private IEnumerable<DeviceProcess> Processes => setup.Links.SelectMany(link => link.Processes);

    private void Do(params string[] command) =>
        processes.Start(new ProcessSpec("tmux", [.. Tmux, .. command]) { Log = sockets.File("tmux.log") }).Ended.Wait();

    /// <summary>Writes the program of a guest's pane: it waits for the sockets and then shows the console.</summary>
    private string PaneOf(PairGuest guest)
    {
        IEnumerable<string> awaited = setup.Links.SelectMany(link => new[]
        {
            (Guest: link.Ep, Socket: link.Sockets.Epc), (Guest: link.Host, Socket: link.Sockets.Endpoint),
        }).Where(item => item.Guest == guest).Select(item => item.Socket);
        IReadOnlyList<string> qemu =
            [.. Cores(guest), .. guest.Guest.Command, .. QemuCommandLine.OnTerminal(guest.Guest.Files.Console)];
        string path = sockets.File($"{guest.Name}.sh");
        File.WriteAllText(path, $$"""
            #!/bin/sh
            echo '{{guest.Title}}: Ctrl-A X ends it, Ctrl-B D ends the pair, Ctrl-B O switches to the other console'
            for socket in {{string.Join(' ', awaited)}}; do
            	[ -S "$socket" ] || echo 'waiting until the EP guest has set up and started the endpoint'
            	until [ -S "$socket" ]; do sleep 0.2; done
            done
            setpriv --pdeathsig KILL {{string.Join(' ', qemu.Select(Quoted))}}
            status=$?
            echo
            echo "the {{guest.Title}} ended with status $status; press Enter to close this"
            read -r _
            """);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    private static string[] Cores(PairGuest guest) =>
        guest.Guest.Spec.Cores is { } cores ? ["taskset", "-c", cores] : [];

    private static string Quoted(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
