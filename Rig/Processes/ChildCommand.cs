using System.Globalization;

namespace EpfTest.Rig.Processes;

/// <summary>
/// The command line that starts a program so that it does not outlive us: the kernel signals it when the thread that
/// forked it ends (PR_SET_PDEATHSIG). It is in a session of its own, so that a signal reaches it with all that it has
/// started, and Ctrl-C does not.
/// </summary>
internal static class ChildCommand
{
    // We may end before setpriv has asked for the signal, which then never comes: the parent is another one by then.
    private const string CheckParent = "[ \"$PPID\" = \"$1\" ] || exit 1; ";

    /// <summary>The whole command line of <paramref name="spec"/>.</summary>
    /// <param name="parent">Our process ID.</param>
    public static IReadOnlyList<string> Build(ProcessSpec spec, int parent)
    {
        string session = spec.OnTerminal ? "" : "setsid ";
        string input = spec.OnTerminal ? "" : " </dev/null";
        string output = spec switch
        {
            { Log: null } => "",
            { IsRead: true } => " 2>>\"$log\"",
            _ => " >>\"$log\" 2>&1",
        };
        return
        [
            "setpriv", "--pdeathsig", spec.DeathSignal, "sh", "-c",
            $"{CheckParent}log=$2; shift 2; exec {session}\"$@\"{input}{output}",
            "sh", parent.ToString(CultureInfo.InvariantCulture), spec.Log ?? "",
            .. spec.Cores is { } cores ? ["taskset", "-c", cores] : Array.Empty<string>(),
            .. spec.Command,
        ];
    }
}
