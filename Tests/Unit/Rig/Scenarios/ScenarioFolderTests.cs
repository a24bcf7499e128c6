using EpfTest.Kit;
using EpfTest.Rig.Options;
using EpfTest.Rig.Scenarios;

namespace EpfTest.Unit.Rig.Scenarios;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ScenarioFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ScenarioFolder _scenarios;

    public ScenarioFolderTests()
    {
        _scenarios = new ScenarioFolder(_folder.File("root"));
        Write("root/one");
        Write("root/two");
        Directory.CreateDirectory(_folder.File("root/none"));
        Write("mine");
    }

    public void Dispose() => _folder.Dispose();

    [Test]
    public void TheRepositorysHaveNames() => Assert.That(_scenarios.Names, Is.EqualTo(["one", "two"]));

    [Test]
    public void AScenarioIsFoundByItsNameOrItsFolder()
    {
        Assert.That(_scenarios.Read("two").Folder, Is.EqualTo(_folder.File("root/two")));
        Assert.That(_scenarios.Read(_folder.File("mine")).Name, Is.EqualTo("mine"));
        Assert.That(_scenarios.Read(_folder.File("mine/")).Name, Is.EqualTo("mine"));
    }

    [TestCase("three")]
    [TestCase("/nowhere")]
    [TestCase("..")]
    public void AnythingElseIsRefused(string name)
    {
        UsageException? error = Assert.Throws<UsageException>(() => _scenarios.Read(name));
        Assert.That(error?.Message, Is.EqualTo(
            $"--scenario {name}: neither one of one, two nor a folder with a scenario.yaml"));
    }

    private void Write(string name)
    {
        Directory.CreateDirectory(_folder.File(name));
        foreach (string file in (string[])["ep", "host"])
        {
            File.WriteAllText(_folder.File($"{name}/{file}"), "#!/bin/sh\n");
        }

        File.WriteAllText(_folder.File($"{name}/scenario.yaml"), "description: d\n");
    }
}
