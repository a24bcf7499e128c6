using EpfTest.Rig.Processes;
using EpfTest.Rig.Results;

namespace EpfTest.Rig.Pairs;

/// <summary>
/// What people see of a run that was cut short: the relevant parts of consoles and logs, then the reason, which is the
/// last line.
/// </summary>
internal static class AbandonReport
{
    private const int LogLines = 20;

    /// <summary>Prints it all but the reason.</summary>
    public static void Write(
        PairSetup setup,
        IReadOnlyList<GuestResult> results,
        RunEndedException error,
        string folder,
        RunOutput output)
    {
        foreach ((PairGuest guest, GuestResult result) in setup.Guests.Zip(results))
        {
            IReadOnlyList<ConsoleReport> unexpected = KernelReports.UnexpectedOf(result);
            if (guest.Name == error.Guest)
            {
                Tail($"the {guest.Title}'s QEMU", guest.Guest.Files.QemuLog, output);
            }

            if (guest.Name == error.Guest || unexpected.Count > 0)
            {
                output.Say($"--- {guest.Title}:");
                foreach (string line in ConsoleExcerpt.Of(File.ReadAllLines(guest.Guest.Files.Console), unexpected))
                {
                    output.Say(line);
                }
            }
        }

        foreach (PairLink link in setup.Links)
        {
            Tail(link.EpcDevice.Name, link.EpcDevice.Log, output);
            Tail(link.EpfBridge.Name, link.EpfBridge.Log, output);
        }

        output.Say($"all consoles and logs: {folder}");
    }

    private static void Tail(string title, string log, RunOutput output)
    {
        if (!File.Exists(log) || new FileInfo(log).Length == 0)
        {
            return;
        }

        output.Say($"--- {title}:");
        foreach (string line in File.ReadLines(log).TakeLast(LogLines))
        {
            output.Say(line);
        }
    }
}
