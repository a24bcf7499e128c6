using System.Text.Json.Serialization;

namespace EpfTest.Rig.Results;

/// <summary>A case of a test that has ended.</summary>
internal sealed record CaseResult(string Name, CaseStatus Status, [property: JsonIgnore] TimeSpan Duration)
{
    public double Seconds => Math.Round(Duration.TotalSeconds, 3);

    /// <summary>KTAP's word after the name, such as SKIP or XFAIL, or "".</summary>
    public string Directive { get; init; } = "";

    /// <summary>The text after the directive.</summary>
    public string Reason { get; init; } = "";

    /// <summary>What the test said while the case ran.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>What makes the test skip this case, or null if nothing is known that does.</summary>
    public string? Explanation { get; init; }

    /// <summary>True for a skip that nothing explains: the run then fails.</summary>
    [JsonIgnore]
    public bool IsUnexplained => Status == CaseStatus.Skipped && Explanation == null;

    /// <summary>The name for a reader.</summary>
    [JsonIgnore]
    public string Title => TitleOf(Name);

    /// <summary>pci_ep_bar.BAR0.BAR_TEST as BAR_TEST (BAR0).</summary>
    public static string TitleOf(string name)
    {
        string[] parts = name.Split('.');
        return parts.Length > 2 ? $"{parts[^1]} ({parts[^2]})" : parts[^1];
    }
}
