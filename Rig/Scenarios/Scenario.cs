namespace EpfTest.Rig.Scenarios;

/// <summary>What is run on guests, as docs/scenarios.md describes it.</summary>
/// <param name="Name">The name of its folder.</param>
/// <param name="Folder">The folder's absolute path.</param>
internal sealed record Scenario(string Name, string Folder, string Description)
{
    /// <summary>The file in a scenario's folder that describes it.</summary>
    public const string FileName = "scenario.yaml";

    public required IReadOnlyList<ScenarioGuest> Guests { get; init; }

    public required IReadOnlyList<ScenarioLink> Links { get; init; }

    public ScenarioVerdict Verdict { get; init; }

    /// <summary>
    /// Its options, limits and files, as options of <c>epftest pair</c>. The user's options come after them: the last
    /// one counts.
    /// </summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Folders with the source of a kernel module each, built for every guest's kernel.</summary>
    public IReadOnlyList<string> ModuleSources { get; init; } = [];

    /// <summary>
    /// The same with other scripts: --ep-script and --host-script. A host's script of the user's is judged by its exit
    /// status.
    /// </summary>
    public Scenario WithScripts(string? ep, string? host) => this with
    {
        Guests = [.. Guests.Select(guest => guest with { Script = (guest.IsEp ? ep : host) ?? guest.Script })],
        Verdict = host == null ? Verdict : ScenarioVerdict.ExitStatus,
    };

    /// <summary>The same with one more word on every kernel's command line.</summary>
    public Scenario WithKernelWord(string word) => this with
    {
        Guests = [.. Guests.Select(guest => guest with { KernelWords = [.. guest.KernelWords, word] })],
    };
}
