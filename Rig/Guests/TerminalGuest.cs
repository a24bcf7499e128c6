using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Guests;

/// <summary>A guest whose console is our terminal.</summary>
internal static class TerminalGuest
{
    /// <summary>Runs QEMU until it ends.</summary>
    /// <param name="command">Its command line.</param>
    /// <param name="processes">Starts it.</param>
    /// <returns>Its exit status.</returns>
    public static int Run(IReadOnlyList<string> command, IProcessStarter processes)
    {
        // QEMU that is killed leaves the terminal as it needed it.
        string settings = Console.IsInputRedirected ? "" : Output(processes, ["stty", "-g"]);
        try
        {
            return OnTerminal(processes, command).Ended.Result;
        }
        finally
        {
            if (settings != "")
            {
                OnTerminal(processes, ["stty", settings]).Ended.Wait();
            }
        }
    }

    private static string Output(IProcessStarter processes, IReadOnlyList<string> command)
    {
        IChildProcess child = processes.Start(
            new ProcessSpec(command[0], command) { OnTerminal = true, IsRead = true, Log = "/dev/null" });
        return child.Output.Result.Trim();
    }

    private static IChildProcess OnTerminal(IProcessStarter processes, IReadOnlyList<string> command) =>
        processes.Start(new ProcessSpec(command[0], command) { OnTerminal = true });
}
