namespace EpfTest.Rig.Results;

/// <summary>A case as the lines that a run prints when it has ended.</summary>
internal static class CaseLines
{
    /// <summary>The case's line, and what the test said if it failed.</summary>
    public static IEnumerable<string> Of(CaseResult result)
    {
        (string word, string remark) = result.Status switch
        {
            CaseStatus.Failed => ("FAIL", ""),
            CaseStatus.Skipped when result.IsUnexplained => ("SKIP", $"{result.Reason}: unexplained"),
            CaseStatus.Skipped => ("skip", $"{result.Reason}: {result.Explanation}"),
            _ => ("ok", $"{result.Directive} {result.Reason}".Trim()),
        };
        long tenths = (long)(result.Duration.TotalSeconds * 10);
        string time = $"{tenths / 10,4}.{tenths % 10} s";
        yield return $"  {word,-4}  {result.Title,-28} {time}{(remark == "" ? "" : "  " + remark)}";
        if (result.Status == CaseStatus.Failed)
        {
            foreach (string note in result.Notes)
            {
                yield return $"         {note}";
            }
        }
    }
}
