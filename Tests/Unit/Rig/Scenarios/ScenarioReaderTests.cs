using EpfTest.Kit;
using EpfTest.Rig.Options;
using EpfTest.Rig.Scenarios;

namespace EpfTest.Unit.Rig.Scenarios;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ScenarioReaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ScenarioReaderTests()
    {
        foreach (string script in (string[])["ep", "host", "host2", "data"])
        {
            File.WriteAllText(_folder.File(script), "#!/bin/sh\n");
        }

        Directory.CreateDirectory(_folder.File("module"));
        File.WriteAllText(_folder.File("module/Kbuild"), "obj-m := module.o\n");
    }

    public void Dispose() => _folder.Dispose();

    [Test]
    public void ADescriptionAloneIsAPair()
    {
        Scenario scenario = Read("description: |", "  Moves data.", "  Twice.");
        Assert.Multiple(() =>
        {
            Assert.That(scenario.Name, Is.EqualTo(Path.GetFileName(_folder.Path)));
            Assert.That(scenario.Description, Is.EqualTo("Moves data.\nTwice."));
            Assert.That(
                string.Join(' ', scenario.Guests.Select(guest => $"{guest.Name}:{guest.IsEp}:{guest.Script}")),
                Is.EqualTo($"ep:True:{_folder.File("ep")} host:False:{_folder.File("host")}"));
            Assert.That(scenario.Links, Is.EqualTo([new ScenarioLink("ep", "host")]));
            Assert.That(scenario.Verdict, Is.EqualTo(ScenarioVerdict.ExitStatus));
            Assert.That(scenario.Arguments, Is.Empty);
        });
    }

    [Test]
    public void OptionsLimitsAndFilesAreArguments()
    {
        Scenario scenario = Read(
            "description: d", "options:", "  hotplug: true", "  map-bars: false", "  datapath: tlp",
            "  cases: -V memcpy", "limits:", "  run: 0", "  case: 30", "add: [data, 'data:/usr/bin/']");
        Assert.That(string.Join('|', scenario.Arguments), Is.EqualTo(
            "--hotplug|--datapath|tlp|--cases|-V memcpy|--timeout|0|--case-timeout|30"
            + $"|--add|{_folder.File("data")}|--add|{_folder.File("data")}:/usr/bin/"));
    }

    [Test]
    public void TheUsersOptionsCountBeforeTheScenarios()
    {
        Scenario scenario = Read("description: d", "options: {datapath: tlp, dma: slave}", "add: data");
        PairOptions options = CommandLineReader.Read<PairOptions>(
            [.. scenario.Arguments, "--datapath", "direct", "--add", _folder.File("host")]);
        Assert.That((options.DataPath, options.Dma), Is.EqualTo(("direct", "slave")));
        Assert.That(options.Additions, Is.EqualTo([_folder.File("data"), _folder.File("host")]), "both");
    }

    [Test]
    public void ThreeGuestsHaveTwoLinks()
    {
        Scenario scenario = Read(
            "description: d", "judged-by: ktap", "guests:", "  ep: {processors: 4, memory: 1G}", "  host:",
            "    kernel-words: quiet a=b", "    qemu: [-device x, -s]", "  other: {role: host, script: host2}",
            "links:", "- {ep: ep, host: host}", "- {ep: ep, host: other}");
        Assert.Multiple(() =>
        {
            Assert.That(scenario.Links, Is.EqualTo([new ScenarioLink("ep", "host"), new ScenarioLink("ep", "other")]));
            Assert.That(scenario.Verdict, Is.EqualTo(ScenarioVerdict.Ktap));
            Assert.That((scenario.Guests[0].Processors, scenario.Guests[0].Memory), Is.EqualTo((4, "1G")));
            Assert.That(scenario.Guests[1].KernelWords, Is.EqualTo(["quiet", "a=b"]));
            Assert.That(scenario.Guests[1].QemuArguments, Is.EqualTo(["-device", "x", "-s"]));
            Assert.That(scenario.Guests[2].Script, Is.EqualTo(_folder.File("host2")));
        });
    }

    [Test]
    public void AModuleIsAFolderWithItsSource() =>
        Assert.That(Read("description: d", "modules: [module]").ModuleSources, Is.EqualTo([_folder.File("module")]));

    [Test]
    public void TheUsersScriptsReplaceTheScenarios()
    {
        Scenario scenario = Read("description: d", "judged-by: ktap");
        Assert.That(scenario.WithScripts("mine", null).Guests[0].Script, Is.EqualTo("mine"));
        Assert.That(scenario.WithScripts("mine", null).Verdict, Is.EqualTo(ScenarioVerdict.Ktap));
        Assert.That(scenario.WithScripts(null, "mine").Guests[1].Script, Is.EqualTo("mine"));
        Assert.That(scenario.WithScripts(null, "mine").Verdict, Is.EqualTo(ScenarioVerdict.ExitStatus));
    }

    [TestCase("descripton: d", ":1: 'descripton' is unknown in a scenario; known are: add, description, guests, ")]
    [TestCase("judged-by: ktap", ":1: a scenario needs 'description'")]
    [TestCase("description: d\nguests:\n  ep: {scrpt: x}", ":3: 'scrpt' is unknown in guest 'ep'; known are: ")]
    [TestCase("description: d\nguests:\n  bridge:", ":3: guest 'bridge' needs the role ep or host")]
    [TestCase("description: d\nguests:\n  ep: {role: host2}", ":3: guest 'ep' needs the role ep or host")]
    [TestCase("description: d\nguests:\n  ep:\n    script: none", ":4: guest 'ep' has no script: ")]
    [TestCase("description: d\nguests:\n  ep: {processors: 0}", ":3: 'processors: 0' is not a number from 1 to 99")]
    [TestCase("description: d\nguests:\n  ep: {memory: 512}", ":3: 'memory: 512' is not a size such as 512M or 2G")]
    [TestCase("description: d\nguests: [ep, host]", ":2: 'guests' has to be a mapping of keys to values")]
    [TestCase("description: d\nguests: {ep: , host: , host2: {role: host}}", ": no link joins guest 'ep'")]
    [TestCase("description: d\nlinks:\n- {ep: host, host: host}", ":3: no guest 'host' has the role ep")]
    [TestCase("description: d\nlinks:\n- {ep: ep}", ":3: a link needs 'host'")]
    [TestCase("description: d\njudged-by: me", ":2: 'me' is unknown; known are: exit-status, ktap")]
    [TestCase("description: d\noptions: {dma: fast}", ":2: --dma fast: not one of memcpy, slave, off")]
    [TestCase("description: d\noptions: {hotplug: 1}", ":2: 'hotplug: 1' is not true or false")]
    [TestCase("description: d\noptions: {shell: true}", ":2: 'shell' is unknown in 'options'; known are: cases, ")]
    [TestCase("description: d\nlimits:\n  boot: soon", ":3: --boot-timeout soon: not a number of seconds")]
    [TestCase("description: d\nlimits:\n  boat: 1", ":3: 'boat' is unknown in 'limits'; known are: boot")]
    [TestCase("description: d\nadd: [data, nothing]", ":2: ")]
    [TestCase("description: d\nmodules: [data]", ":2: ")]
    [TestCase("description: [a, b]", ":1: a text or a number belongs here")]
    [TestCase("description: d\ndescription: e", ":2: ")]
    [TestCase("description: 'd", ":1: ")]
    [TestCase("", ":1: it has to be one YAML document")]
    public void AnInvalidFileIsRefusedWithItsLine(string text, string message)
    {
        UsageException? error = Assert.Throws<UsageException>(() => Read(text.Split('\n')));
        Assert.That(error?.Message, Does.StartWith(_folder.File("scenario.yaml")).And.Contains(message));
    }

    private Scenario Read(params string[] lines)
    {
        File.WriteAllLines(_folder.File("scenario.yaml"), lines);
        return ScenarioReader.Read(_folder.Path);
    }
}
