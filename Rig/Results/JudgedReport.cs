using System.Text.Json.Serialization;

namespace EpfTest.Rig.Results;

/// <summary>A kernel's report, and whether it is expected.</summary>
internal sealed record JudgedReport(
    [property: JsonIgnore] ConsoleReport Report, [property: JsonIgnore] Judgement Judgement)
{
    public ReportKind Kind => Report.Kind;

    public string Title => Report.Title;

    public string Fingerprint => Report.Fingerprint;

    public IReadOnlyList<string> Functions => Report.Functions;

    /// <summary>The line of the console with which it begins.</summary>
    public int Line => Report.FirstLine;

    public bool IsExpected => Judgement.IsExpected;

    public string Remark => Judgement.Remark;
}
