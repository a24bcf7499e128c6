using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EpfTest.Rig.Results;

/// <summary>What a run leaves in result.json; docs/results.md and docs/result.schema.json describe it.</summary>
/// <param name="Scenario">The scenario's name.</param>
/// <param name="ExitStatus">That of the run.</param>
internal sealed record RunResult(string Scenario, RunOutcome Outcome, int ExitStatus)
{
    /// <summary>The file in a run's folder.</summary>
    public const string FileName = "result.json";

    /// <summary>The version of the form. A new field keeps it; a field that goes or changes raises it.</summary>
    private const int Version = 1;

    private static readonly JsonSerializerOptions s_options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    [JsonPropertyOrder(-1)]
    public int Schema { get; } = Version;

    public DateTimeOffset Started { get; init; }

    public double Seconds { get; init; }

    /// <summary>Why it did not pass.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>What was asked for, as options of <c>epftest pair</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    public IReadOnlyList<GuestResult> Guests { get; init; } = [];

    public IReadOnlyList<CaseResult> Cases { get; init; } = [];

    /// <summary>Number of cases that were planned; 0 if the scenario has none.</summary>
    public int Planned { get; init; }

    public CaseCounts Counts => CaseCounts.Of(Cases);

    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, s_options) + "\n");
}
