using System.Text.RegularExpressions;

namespace EpfTest.Rig.Results;

/// <summary>One entry of a file of expected reports: what it excuses, where, why and until when.</summary>
/// <param name="Place">The file and the line of the entry.</param>
internal sealed record Expectation(string Place, string Reason, DateOnly Until)
{
    /// <summary>What the title of a report matches.</summary>
    public Regex? Report { get; init; }

    /// <summary>A report's fingerprint.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>What an error of a QEMU matches.</summary>
    public Regex? Qemu { get; init; }

    /// <summary>The guest, by its name or its role; null is any.</summary>
    public string? Guest { get; init; }

    /// <summary>The series of kernels, such as 7.3; none is any.</summary>
    public IReadOnlyList<string> Kernels { get; init; } = [];

    public bool Covers(ConsoleReport report, string guest, string role) =>
        IsIn(guest, role)
        && (Kernels.Count == 0 || Kernels.Any(series => IsOf(report.Kernel, series)))
        && (report.Fingerprint == Fingerprint || Report?.IsMatch(report.Title) == true);

    public bool Covers(QemuError error, string guest, string role) =>
        IsIn(guest, role) && Qemu?.IsMatch(error.Line) == true;

    private bool IsIn(string guest, string role) => Guest == null || Guest == guest || Guest == role;

    private static bool IsOf(string release, string series) =>
        release.StartsWith(series, StringComparison.Ordinal)
        && (release.Length == series.Length || !char.IsAsciiDigit(release[series.Length]));
}
