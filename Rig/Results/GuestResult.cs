namespace EpfTest.Rig.Results;

/// <summary>A guest of a run, and what it and its QEMU reported.</summary>
/// <param name="Name">Its name, which is that of its folder.</param>
/// <param name="Role">ep or host.</param>
internal sealed record GuestResult(string Name, string Role)
{
    /// <summary>The release of its kernel.</summary>
    public string Kernel { get; init; } = "";

    /// <summary>The version of its QEMU.</summary>
    public string Qemu { get; init; } = "";

    /// <summary>kvm or tcg.</summary>
    public string Accelerator { get; init; } = "";

    /// <summary>The exit status of its script, or null if it did not end.</summary>
    public int? ExitStatus { get; init; }

    public IReadOnlyList<JudgedReport> Reports { get; init; } = [];

    public IReadOnlyList<JudgedError> QemuErrors { get; init; } = [];

    /// <summary>Reads what the guest has left in <paramref name="folder"/>: console.log and qemu.log.</summary>
    public GuestResult WithLogs(string folder, Expectations expectations) => this with
    {
        Reports =
        [
            .. ConsoleReader.Read(Lines(folder, "console.log"))
                .Select(report => new JudgedReport(report, expectations.Judge(report, Name, Role))),
        ],
        QemuErrors =
        [
            .. QemuLogReader.Read(Lines(folder, "qemu.log"))
                .Select(error => new JudgedError(error, expectations.Judge(error, Name, Role))),
        ],
    };

    private static IEnumerable<string> Lines(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return File.Exists(path) ? File.ReadLines(path) : [];
    }
}
