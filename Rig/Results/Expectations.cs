using EpfTest.Rig.Options;

namespace EpfTest.Rig.Results;

/// <summary>
/// What a run may report and still pass. An entry excuses nothing after its end. Those that excused nothing are
/// <see cref="Unused"/>.
/// </summary>
internal sealed class Expectations(IReadOnlyList<Expectation> entries, DateOnly today)
{
    /// <summary>The file for all scenarios; a scenario's own folder can have another of the same name.</summary>
    public const string FileName = "expected-reports.txt";

    private readonly HashSet<Expectation> _used = [];

    /// <summary>Entries that have excused nothing so far.</summary>
    public IEnumerable<Expectation> Unused => entries.Where(entry => !_used.Contains(entry));

    /// <summary>The file for all scenarios.</summary>
    /// <param name="root">The repository.</param>
    public static string File(string root) => Path.Combine(root, "scenarios", FileName);

    /// <summary>Entries of all <paramref name="files"/> that exist.</summary>
    /// <exception cref="UsageException">The message starts with file and line.</exception>
    public static Expectations Read(DateOnly today, params IEnumerable<string> files) =>
        new([.. files.Where(System.IO.File.Exists).SelectMany(ExpectationFile.Read)], today);

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
