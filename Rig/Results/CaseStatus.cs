namespace EpfTest.Rig.Results;

/// <summary>How a case of a test ended. An expected failure (XFAIL) counts as passed.</summary>
internal enum CaseStatus
{
    Passed,
    Failed,
    Skipped,
}
