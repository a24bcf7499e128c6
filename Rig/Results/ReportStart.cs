using System.Text.RegularExpressions;

namespace EpfTest.Rig.Results;

/// <summary>The lines with which reports on a console begin.</summary>
internal static partial class ReportStart
{
    private static readonly (ReportKind Kind, Regex Line)[] s_all =
    [
        (ReportKind.Panic, new Regex("^Kernel panic - not syncing", RegexOptions.Compiled)),
        (ReportKind.Kasan, new Regex("^BUG: KASAN: ", RegexOptions.Compiled)),
        (ReportKind.Kfence, new Regex("^BUG: KFENCE: ", RegexOptions.Compiled)),
        (ReportKind.Kmsan, new Regex("^BUG: KMSAN: ", RegexOptions.Compiled)),
        (ReportKind.Kcsan, new Regex("^BUG: KCSAN: ", RegexOptions.Compiled)),
        (ReportKind.Ubsan, new Regex("^UBSAN: ", RegexOptions.Compiled)),
        (ReportKind.Stall, new Regex(
            "^(rcu: )?INFO: rcu_.*detected( expedited)? stall|^(watchdog: )?BUG: soft lockup"
            + "|Watchdog detected hard LOCKUP|^BUG: workqueue lockup", RegexOptions.Compiled)),
        (ReportKind.HungTask, new Regex("^INFO: task .* blocked.* for more than", RegexOptions.Compiled)),
        (ReportKind.Lockdep, new Regex("^INFO: trying to register non-static key", RegexOptions.Compiled)),
        (ReportKind.Kmemleak, new Regex(
            "^kmemleak: [0-9]+ new suspected memory leaks|^(kmemleak: )?unreferenced object", RegexOptions.Compiled)),
        (ReportKind.UnhandledInterrupt, new Regex("^irq [0-9]+: nobody cared", RegexOptions.Compiled)),
        (ReportKind.Oops, new Regex(
            "^Oops: |^Internal error: |^general protection fault|^Unable to handle kernel", RegexOptions.Compiled)),
        (ReportKind.Bug, new Regex("^(BUG: |kernel BUG at )", RegexOptions.Compiled)),
        (ReportKind.Warning, new Regex("^WARNING: ", RegexOptions.Compiled)),
    ];

    /// <summary>The kind of the report that begins with <paramref name="line"/>, or null.</summary>
    /// <param name="before">The line before it: lockdep frames its titles.</param>
    public static ReportKind? KindOf(string line, string before)
    {
        if (Frame().IsMatch(before) && LockdepTitle().IsMatch(line))
        {
            return ReportKind.Lockdep;
        }

        foreach ((ReportKind kind, Regex start) in s_all)
        {
            if (start.IsMatch(line))
            {
                return kind;
            }
        }

        return null;
    }

    /// <summary>True if <paramref name="line"/> comes before a report's title.</summary>
    public static bool IsMark(string line) => IsFrame(line) || line.Contains("[ cut here ]", StringComparison.Ordinal);

    /// <summary>True if <paramref name="line"/> is a line of equals signs.</summary>
    public static bool IsFrame(string line) => Frame().IsMatch(line);

    [GeneratedRegex("^={10,}$")]
    private static partial Regex Frame();

    [GeneratedRegex(@"^(WARNING: |\[ BUG: )")]
    private static partial Regex LockdepTitle();
}
