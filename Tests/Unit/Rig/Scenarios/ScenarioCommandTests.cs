using System.Diagnostics;
using System.Runtime.Versioning;
using EpfTest.Kit;
using EpfTest.Rig;
using EpfTest.Rig.Options;
using EpfTest.Rig.Scenarios;

namespace EpfTest.Unit.Rig.Scenarios;

[SupportedOSPlatform("linux")]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ScenarioCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ScenarioFolder _scenarios;

    public ScenarioCommandTests()
    {
        Directory.CreateDirectory(_folder.File("root"));
        _scenarios = new ScenarioFolder(_folder.File("root"));
    }

    public void Dispose() => _folder.Dispose();

    [Test]
    public void ANewScenarioIsListedAndShown()
    {
        string folder = _folder.File("root/mine");
        Assert.That(Run("new", folder), Does.Contain($"--scenario {folder}"));
        Assert.That(Run("list"), Is.EqualTo("mine          What this scenario shows, in one line.\n"));
        Assert.That(Run("show", "mine"), Is.EqualTo($"""
            mine: {folder}

            What this scenario shows, in one line.
            Then whatever helps a reader.

            EP guest    ep, {folder}/ep
            host guest  host, {folder}/host
            link        ep - host
            judged by   the exit statuses of the scripts
            options     --timeout 300

            """));
    }

    [TestCase("ep")]
    [TestCase("host")]
    public void ANewScenariosScriptsCanRun(string script)
    {
        Run("new", _folder.File("mine"));
        string path = _folder.File($"mine/{script}");
        Assert.That(File.GetUnixFileMode(path).HasFlag(UnixFileMode.UserExecute));
        using Process shell = Process.Start("sh", ["-n", path]);
        shell.WaitForExit();
        Assert.That(shell.ExitCode, Is.Zero);
    }

    [Test]
    public void ANewScenarioReplacesNothing()
    {
        UsageException? error = Assert.Throws<UsageException>(() => Run("new", _folder.Path));
        Assert.That(error?.Message, Is.EqualTo($"new {_folder.Path}: it exists"));
    }

    [TestCase]
    [TestCase("show")]
    [TestCase("list", "all")]
    [TestCase("remove", "mine")]
    public void AnythingElseIsRefused(params string[] arguments) =>
        Assert.Throws<UsageException>(() => Run(arguments));

    private string Run(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        Assert.That(ScenarioCommand.Run(arguments, _scenarios, output), Is.Zero);
        return output.ToString();
    }
}
