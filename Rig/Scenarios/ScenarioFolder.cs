using EpfTest.Rig.Options;

namespace EpfTest.Rig.Scenarios;

/// <summary>Where scenarios are: those of this repository by name, others by their folder.</summary>
/// <param name="root">The repository's folder of scenarios.</param>
internal sealed class ScenarioFolder(string root)
{
    /// <summary>The scenario that runs if none is named.</summary>
    public const string Default = "self-test";

    /// <summary>Names of the repository's scenarios.</summary>
    public IReadOnlyList<string> Names =>
    [
        .. Directory.EnumerateDirectories(root).Where(IsScenario).Select(folder => Path.GetFileName(folder)!).Order(),
    ];

    /// <summary>The scenario of that name, or in that folder.</summary>
    /// <exception cref="UsageException">There is none, or it is invalid.</exception>
    public Scenario Read(string nameOrFolder)
    {
        string folder = Path.Combine(root, nameOrFolder);
        if (!Names.Contains(nameOrFolder))
        {
            folder = Path.GetFullPath(nameOrFolder);
        }

        return IsScenario(folder)
            ? ScenarioReader.Read(folder)
            : throw new UsageException(
                $"--scenario {nameOrFolder}: neither one of {string.Join(", ", Names)} nor a folder with a "
                + Scenario.FileName);
    }

    private static bool IsScenario(string folder) => File.Exists(Path.Combine(folder, Scenario.FileName));
}
