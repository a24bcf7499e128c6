using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>
/// Runs a scenario of the repository on a pair of guests. A message that a QEMU refuses fails it, as do a kernel's
/// warnings.
/// </summary>
internal sealed class ScenarioRun(string name) : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _arguments = ["--scenario", name];

    /// <summary>What the guests' scripts printed.</summary>
    public IReadOnlyList<string> Lines { get; private set; } = [];

    public ScenarioRun With(params string[] options)
    {
        _arguments.AddRange(options);
        return this;
    }

    /// <summary>Adds a file with that content to both guests, in /epftest.</summary>
    public ScenarioRun WithText(string file, string content)
    {
        File.WriteAllText(_folder.File(file), content);
        return With("--add", $"{_folder.File(file)}:/epftest/");
    }

    public ScenarioRun Run()
    {
        Lines = PairTests.RunPair([.. _arguments]);
        TestContext.Out.WriteLine(string.Join('\n', Lines));
        return this;
    }

    public void Dispose() => _folder.Dispose();
}
