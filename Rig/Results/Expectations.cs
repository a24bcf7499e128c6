using EpfTest.Rig.Options;

namespace EpfTest.Rig.Results;

/// <summary>
/// What a run may report and still pass. An entry excuses nothing after its end. Those that excused nothing are
/// <see cref="Unused"/>.
/// </summary>
internal sealed class Expectations(IReadOnlyList<Expectation> entries, DateOnly today)
{
    private const string FileName = "expected-reports.txt";
    private const string FileNameAfterKill = "expected-after-kill.txt";

    private readonly HashSet<Expectation> _used = [];

    /// <summary>Entries that have excused nothing so far.</summary>
    public IEnumerable<Expectation> Unused => entries.Where(entry => !_used.Contains(entry));

    /// <summary>The files for a run: that of all scenarios, and that of the scenario's own folder.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="hasKilled">True if a script has had a process or a QEMU killed.</param>
    public static IEnumerable<string> Files(string root, string scenario, bool hasKilled) =>
    [
        Path.Combine(root, "scenarios", FileName),
        .. hasKilled ? [Path.Combine(root, "scenarios", FileNameAfterKill)] : Array.Empty<string>(),
        Path.Combine(scenario, FileName),
    ];

    /// <summary>Entries of all <paramref name="files"/> that exist.</summary>
    /// <exception cref="UsageException">The message starts with file and line.</exception>
    public static Expectations Read(DateOnly today, params IEnumerable<string> files) =>
        new([.. files.Where(File.Exists).SelectMany(ExpectationFile.Read)], today);

    /// <summary>How a report of a guest's kernel is judged.</summary>
    public Judgement Judge(ConsoleReport report, string guest, string role) =>
        Judge(entries.Where(entry => entry.Covers(report, guest, role)));

    /// <summary>How an error of a guest's QEMU is judged.</summary>
    public Judgement Judge(QemuError error, string guest, string role) =>
        Judge(entries.Where(entry => entry.Covers(error, guest, role)));

    private Judgement Judge(IEnumerable<Expectation> covering)
    {
        string remark = "";
        foreach (Expectation entry in covering)
        {
            if (entry.Until >= today)
            {
                _used.Add(entry);
                return new Judgement(true, entry.Reason);
            }

            remark = $"{entry.Place} excused this until {entry.Until:yyyy-MM-dd}: {entry.Reason}";
        }

        return new Judgement(false, remark);
    }
}
