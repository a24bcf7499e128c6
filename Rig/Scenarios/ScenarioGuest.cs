namespace EpfTest.Rig.Scenarios;

/// <summary>A guest of a scenario.</summary>
/// <param name="Name">Its name, and that of its folder in a run's.</param>
/// <param name="IsEp">True if it has the endpoint controller, false if it sees the endpoint.</param>
/// <param name="Script">The file that it runs.</param>
internal sealed record ScenarioGuest(string Name, bool IsEp, string Script)
{
    /// <summary>Number of processors, or null for the default of its side.</summary>
    public int? Processors { get; init; }

    /// <summary>Size of its memory, such as 512M, or null for the default.</summary>
    public string? Memory { get; init; }

    /// <summary>Words for its kernel's command line.</summary>
    public IReadOnlyList<string> KernelWords { get; init; } = [];

    /// <summary>More arguments for its QEMU.</summary>
    public IReadOnlyList<string> QemuArguments { get; init; } = [];
}
