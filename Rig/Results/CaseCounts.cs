using System.Text.Json.Serialization;

namespace EpfTest.Rig.Results;

/// <summary>How many cases ended how.</summary>
internal readonly record struct CaseCounts(int Passed, int Failed, int Skipped)
{
    [JsonIgnore]
    public int Total => Passed + Failed + Skipped;

    public static CaseCounts Of(IReadOnlyCollection<CaseResult> cases) => new(
        cases.Count(item => item.Status == CaseStatus.Passed),
        cases.Count(item => item.Status == CaseStatus.Failed),
        cases.Count(item => item.Status == CaseStatus.Skipped));

    /// <summary>The last line of a run.</summary>
    public override string ToString() => $"{Passed} passed, {Failed} failed, {Skipped} skipped";
}
