using EpfTest.Rig.Results;

namespace EpfTest.Rig.Pairs;

/// <summary>What the guests' kernels and QEMUs have complained of, and whether it was expected.</summary>
internal sealed class KernelReports
{
    private const int ShownLines = 5;

    private readonly List<(PairGuest Guest, ConsoleReport Report, Judgement Judgement)> _reports = [];
    private readonly List<(PairGuest Guest, QemuError Error, Judgement Judgement)> _errors = [];

    /// <summary>Reads the consoles and logs of a run that has ended.</summary>
    /// <param name="guests">The guests.</param>
    /// <param name="expectations">What may be reported.</param>
    public KernelReports(IEnumerable<PairGuest> guests, Expectations expectations)
    {
        foreach (PairGuest guest in guests)
        {
            string role = guest.Role == GuestRole.Ep ? "ep" : "host";
            foreach (ConsoleReport report in ConsoleReader.Read(File.ReadLines(guest.Guest.Files.Console)))
            {
                _reports.Add((guest, report, expectations.Judge(report, guest.Name, role)));
            }

            foreach (QemuError error in QemuLogReader.Read(File.ReadLines(guest.Guest.Files.QemuLog)))
            {
                _errors.Add((guest, error, expectations.Judge(error, guest.Name, role)));
            }
        }
    }

    /// <summary>Whether something is not expected, so that the run fails.</summary>
    public bool HasUnexpected =>
        _reports.Any(item => !item.Judgement.IsExpected) || _errors.Any(item => !item.Judgement.IsExpected);

    /// <summary>The reports of a guest's kernel that are not expected.</summary>
    public IReadOnlyList<ConsoleReport> UnexpectedOf(PairGuest guest) =>
        [.. _reports.Where(item => item.Guest == guest && !item.Judgement.IsExpected).Select(item => item.Report)];

    /// <summary>Prints what is not expected.</summary>
    public void Show(RunOutput output)
    {
        foreach ((PairGuest guest, ConsoleReport report, Judgement judgement) in _reports)
        {
            if (!judgement.IsExpected)
            {
                string place = $"{guest.Guest.Files.Console}:{report.FirstLine}";
                output.Say($"failed: the {guest.Title}'s kernel reported, which is not expected ({place}, fingerprint "
                    + $"{report.Fingerprint}):");
                Show(output, report.Lines.Take(ShownLines), judgement);
            }
        }

        foreach ((PairGuest guest, QemuError error, Judgement judgement) in _errors)
        {
            if (!judgement.IsExpected)
            {
                output.Say($"failed: the {guest.Title}'s QEMU reported, which is not expected, {error.Count} times "
                    + $"({guest.Guest.Files.QemuLog}):");
                Show(output, [error.Line], judgement);
            }
        }
    }

    private static void Show(RunOutput output, IEnumerable<string> lines, Judgement judgement)
    {
        foreach (string line in lines)
        {
            output.Say($"    {line}");
        }

        if (judgement.Remark.Length > 0)
        {
            output.Say($"    {judgement.Remark}");
        }
    }
}
