namespace EpfTest.Rig.Processes;

/// <summary>A program to start.</summary>
/// <param name="Name">Its name in messages.</param>
/// <param name="Command">The program and its arguments.</param>
internal sealed record ProcessSpec(string Name, IReadOnlyList<string> Command)
{
    /// <summary>The file to which its output is appended; null if it has our own stdout and stderr.</summary>
    public string? Log { get; init; }

    /// <summary>The cores that it may use, as taskset writes them; null for all.</summary>
    public string? Cores { get; init; }

    /// <summary>Whether it keeps our terminal, and so is in our session.</summary>
    public bool OnTerminal { get; init; }

    /// <summary>Whether its output is for us to read. The log then has its error output only.</summary>
    public bool IsRead { get; init; }

    /// <summary>The signal that it gets when we end, however we end.</summary>
    public string DeathSignal { get; init; } = "KILL";
}
