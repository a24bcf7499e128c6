namespace EpfTest.Rig.Results;

/// <summary>How a run ended.</summary>
internal enum RunOutcome
{
    Passed,

    /// <summary>A case failed, a skip is unexplained, a script ended with an error, or something unexpected was
    /// reported.</summary>
    Failed,

    /// <summary>A limit passed.</summary>
    TimedOut,

    /// <summary>A guest or a process failed, or the run was interrupted: there is no verdict.</summary>
    Broken,
}
