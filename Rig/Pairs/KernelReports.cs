using EpfTest.Rig.Results;

namespace EpfTest.Rig.Pairs;

/// <summary>Prints what the guests' kernels and QEMUs have complained of and nobody expected.</summary>
internal static class KernelReports
{
    private const int ShownLines = 5;

    /// <summary>Reads the consoles and logs of a guest.</summary>
    public static GuestResult Read(PairGuest guest, Expectations expectations) =>
        new GuestResult(guest.Name, guest.Role == GuestRole.Ep ? "ep" : "host")
        {
            Kernel = guest.Guest.Spec.System.Kernel.Release,
            Qemu = guest.Guest.Spec.System.Qemu.Version,
            Accelerator = guest.Guest.Spec.System.Accelerator,
            ExitStatus = guest.Status,
        }.WithLogs(guest.Guest.Files.Folder, expectations);

    /// <summary>The reports of a guest's kernel that are not expected.</summary>
    public static IReadOnlyList<ConsoleReport> UnexpectedOf(GuestResult guest) =>
        [.. guest.Reports.Where(item => !item.IsExpected).Select(item => item.Report)];

    /// <summary>Prints what is not expected, each thing once.</summary>
    /// <returns>Why the run has failed: a reason for each.</returns>
    public static IReadOnlyList<string> Show(PairGuest guest, GuestResult result, RunOutput output)
    {
        var reasons = new List<string>();
        foreach (JudgedReport item in result.Reports.Where(item => !item.IsExpected))
        {
            reasons.Add($"the {guest.Title}'s kernel reported: {item.Title} ({guest.Guest.Files.Console}:{item.Line}, "
                + $"fingerprint {item.Fingerprint})");
            Show(output, reasons[^1], item.Report.Lines.Take(ShownLines).Skip(1), item.Remark);
        }

        foreach (JudgedError item in result.QemuErrors.Where(item => !item.IsExpected))
        {
            reasons.Add($"the {guest.Title}'s QEMU reported, {item.Count} times: {item.Line} "
                + $"({guest.Guest.Files.QemuLog})");
            Show(output, reasons[^1], [], item.Remark);
        }

        return reasons;
    }

    private static void Show(RunOutput output, string reason, IEnumerable<string> lines, string remark)
    {
        output.Say($"unexpected: {reason}");
        foreach (string line in remark.Length > 0 ? lines.Append(remark) : lines)
        {
            output.Say($"    {line}");
        }
    }
}
