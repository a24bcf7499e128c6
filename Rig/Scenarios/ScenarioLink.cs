namespace EpfTest.Rig.Scenarios;

/// <summary>A link of a scenario: an EpcDevice and an EpfBridge between two of its guests.</summary>
internal sealed record ScenarioLink(string Ep, string Host);
