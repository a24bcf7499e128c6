namespace EpfTest.Rig.Processes;

/// <summary>
/// The run cannot go on. The message is the reason, and the last line that people see; it is empty if they have seen
/// it.
/// </summary>
/// <param name="status">The exit code of the run.</param>
internal sealed class RunEndedException(int status, string message) : Exception(message)
{
    /// <summary>A time limit has passed, as with timeout(1).</summary>
    public const int TimedOut = 124;

    /// <summary>A guest or a process failed.</summary>
    public const int Failed = 125;

    /// <summary>Anything else, such as a missing file.</summary>
    public const int Error = 1;

    public int Status { get; } = status;

    /// <summary>The guest whose console shows why; null if the reason says all.</summary>
    public string? Guest { get; init; }
}
