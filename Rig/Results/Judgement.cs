namespace EpfTest.Rig.Results;

/// <summary>Whether a report is expected.</summary>
/// <param name="Remark">The reason, or which entry no longer excuses it, or "".</param>
internal readonly record struct Judgement(bool IsExpected, string Remark);
