using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Pairs;

/// <summary>
/// Does what a guest's script asks for (guest/epftest-*): passes a word to the other scripts, kills and starts a
/// process or a guest, keeps words. Each request is a line "epftest: REQUEST ..." on the script's channel.
/// </summary>
/// <param name="run">The run.</param>
internal sealed class Relay(IPairControl run)
{
    private const string QemuSuffix = "-qemu";

    /// <summary>Whether a script has had something killed, so that errors of a QEMU that lost its device are due to
    /// that.</summary>
    public bool HasKilled { get; private set; }

    /// <summary>Does what a line asks for.</summary>
    /// <returns>False if the line asks for nothing.</returns>
    /// <exception cref="RunEndedException">It asks for something that is unknown.</exception>
    public bool Take(PairGuest from, string line)
    {
        string[] words = line.Split(' ', 3);
        if (words[0] != "epftest:" || words.Length < 2)
        {
            return false;
        }

        string rest = words.Length > 2 ? words[2].TrimEnd() : "";
        switch (words[1])
        {
            case "say":
                foreach (PairGuest other in run.Guests.Where(other => other != from))
                {
                    Say(other, rest);
                }

                return true;
            case "restart":
                string[] what = rest.Split(' ');
                Restart(from, what[0], what.Length > 1 ? what[1] : "");
                return true;
            case "remember":
                from.Remembered = rest;
                Say(from, "remembered");
                return true;
            case "recall":
                Say(from, $"recalled {from.Remembered}");
                return true;
            default:
                return false;
        }
    }

    private static void Say(PairGuest guest, string word) => guest.Guest.Tell($"said {word}");

    private void Restart(PairGuest from, string name, string part)
    {
        HasKilled = true;
        if (run.ProcessOf(name) is { } process)
        {
            if (part != "start")
            {
                process.Kill();
            }

            if (part != "stop")
            {
                process.Start();
            }
        }
        else if (name.EndsWith(QemuSuffix, StringComparison.Ordinal)
            && run.Guests.FirstOrDefault(guest => guest.Name == name[..^QemuSuffix.Length]) is { } guest)
        {
            if (!guest.Guest.IsRunning)
            {
                throw new RunEndedException(
                    RunEndedException.Failed, "a script wants to restart a guest that does not run");
            }

            run.Restart(guest);
            if (guest == from)
            {
                // The asking script itself is gone.
                return;
            }
        }
        else
        {
            throw new RunEndedException(
                RunEndedException.Failed, $"a script wants to restart '{name}', which is unknown");
        }

        Say(from, $"restarted {name}");
    }
}
