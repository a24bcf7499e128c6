using EpfTest.Kit;
using EpfTest.Rig.Results;
using EpfTest.Rig.Scenarios;

namespace EpfTest.Unit.Rig.Scenarios;

/// <summary>The scenarios of this repository.</summary>
internal sealed class RepositoryScenariosTests
{
    private static readonly ScenarioFolder s_scenarios = new(Path.Combine(Repository.Root, "scenarios"));

    public static IEnumerable<string> Names => s_scenarios.Names;

    [TestCaseSource(nameof(Names))]
    public void AScenarioIsValid(string name)
    {
        Scenario scenario = s_scenarios.Read(name);
        Assert.That(ScenarioText.Line(scenario), Has.Length.LessThanOrEqualTo(120), "a line of 'scenario list'");
        Assert.DoesNotThrow(() => Expectations.Read(
            DateOnly.MinValue, Expectations.Files(Repository.Root, scenario.Folder, hasKilled: true)));
    }

    [TestCaseSource(nameof(Names))]
    public void AScenarioIsInTheTableOfTheDocs(string name) => Assert.That(
        File.ReadLines(Path.Combine(Repository.Root, "docs", "scenarios.md")),
        Has.Some.StartsWith($"| `{name}` |"));

    [Test]
    public void TheDefaultScenarioIsThere() => Assert.That(Names, Does.Contain(ScenarioFolder.Default));
}
