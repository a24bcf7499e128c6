namespace EpfTest.Rig.Pairs;

/// <summary>A link that a run is to have.</summary>
/// <param name="Suffix">What its processes' names end with: empty for the first link.</param>
/// <param name="Ep">The name of its EP guest.</param>
/// <param name="Host">The name of its host guest.</param>
internal sealed record LinkPlan(string Suffix, string Ep, string Host)
{
    public string EpcDevice => "EpcDevice" + Suffix;

    public string Relay => "relay" + Suffix;

    public string EpfBridge => "EpfBridge" + Suffix;
}
