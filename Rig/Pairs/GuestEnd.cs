using System.Text.RegularExpressions;
using EpfTest.Rig.Guests;
using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Pairs;

/// <summary>How a guest has ended.</summary>
internal static partial class GuestEnd
{
    // A script may want a panic.
    private const string WantedPanic = "sysrq triggered crash";

    /// <summary>The exit status of its script.</summary>
    /// <param name="guest">The guest, which has ended.</param>
    /// <param name="qemu">The exit status of its QEMU.</param>
    /// <exception cref="RunEndedException">There is none: why.</exception>
    public static int StatusOf(Guest guest, int qemu)
    {
        string console = File.ReadAllText(guest.Files.Console);
        string? panic = Panic().Matches(console).Select(match => match.Groups[1].Value.Trim())
            .FirstOrDefault(reason => !reason.Contains(WantedPanic, StringComparison.Ordinal));
        string? reason = panic is not null ? $"the {guest.Spec.Title}'s kernel panicked: {panic}"
            : qemu != 0 ? $"the {guest.Spec.Title}'s QEMU exited with status {qemu}"
            : guest.ScriptStatus is null ? $"the {guest.Spec.Title} ended without a result"
            : null;
        return reason is null
            ? guest.ScriptStatus!.Value
            : throw new RunEndedException(RunEndedException.Failed, $"{reason} (console: {guest.Files.Console})")
            {
                Guest = guest.Name,
            };
    }

    [GeneratedRegex(@"Kernel panic - not syncing:([^\r\n]*)")]
    private static partial Regex Panic();
}
