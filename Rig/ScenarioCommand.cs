using System.Runtime.Versioning;
using EpfTest.Rig.Options;
using EpfTest.Rig.Scenarios;

namespace EpfTest.Rig;

/// <summary>The verb <c>scenario</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class ScenarioCommand
{
    /// <summary>Lists scenarios, shows one, or writes a new one.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments, ScenarioFolder scenarios, TextWriter output)
    {
        switch (arguments)
        {
            case ["list"]:
                foreach (string name in scenarios.Names)
                {
                    output.WriteLine(ScenarioText.Line(scenarios.Read(name)));
                }

                break;
            case ["show", var name]:
                foreach (string line in ScenarioText.Lines(scenarios.Read(name)))
                {
                    output.WriteLine(line);
                }

                break;
            case ["new", var folder]:
                ScenarioTemplate.Write(folder);
                output.WriteLine($"{folder}: run it with scripts/run-pair.sh --scenario {folder}");
                break;
            default:
                throw new UsageException("it is one of: list, show NAME|DIR, new DIR");
        }

        return 0;
    }
}
