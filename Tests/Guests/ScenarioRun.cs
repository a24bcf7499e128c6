using System.Text.RegularExpressions;
using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>Runs a scenario of the repository on a pair of guests.</summary>
internal sealed partial class ScenarioRun : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _arguments;

    public ScenarioRun(string name) =>
        _arguments = ["--scenario", name, "--out", _folder.Path, "--log-level", "Information"];

    /// <summary>What the guests' scripts printed.</summary>
    public IReadOnlyList<string> Lines { get; private set; } = [];

    public ScenarioRun With(params string[] options)
    {
        _arguments.AddRange(options);
        return this;
    }

    /// <summary>Adds a file with that content to both guests, in /epftest.</summary>
    public ScenarioRun WithText(string name, string content)
    {
        File.WriteAllText(_folder.File(name), content);
        return With("--add", $"{_folder.File(name)}:/epftest/");
    }

    /// <summary>Runs it, and expects that no QEMU's log tells of a message that was refused.</summary>
    public ScenarioRun Run()
    {
        Lines = PairTests.RunPair([.. _arguments]);
        TestContext.Out.WriteLine(string.Join('\n', Lines));
        foreach (string guest in (string[])["ep", "host"])
        {
            Assert.That(
                File.ReadLines(_folder.File($"{guest}/qemu.log")).Where(line => Refusal().IsMatch(line)),
                Is.Empty,
                $"what the {guest} guest's QEMU complains of");
        }

        return this;
    }

    public void Dispose() => _folder.Dispose();

    [GeneratedRegex("vfio_|vfio-user|vhost")]
    private static partial Regex Refusal();
}
