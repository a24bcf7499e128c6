using EpfTest.Kit;
using EpfTest.Rig.Guests;
using EpfTest.Rig.Options;
using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;
using EpfTest.Rig.Scenarios;
using EpfTest.Rig.Toolchain;
using EpfTest.Unit.Rig.Guests;

namespace EpfTest.Unit.Rig.Pairs;

/// <summary>The command lines of a run, compared with those that the scripts in bash made before.</summary>
internal sealed class PairBuilderTests
{
    private const string EpDevice = "-device {\"bus\":\"rp0\",\"driver\":\"vfio-user-pci\",\"id\":\"epc\","
        + "\"x-no-posted-writes\":true,\"x-msg-timeout\":10000,\"socket\":{\"type\":\"unix\",\"path\":\"/s/epc\"}}";

    private const string HostDevice = "-device {\"bus\":\"rp0\",\"driver\":\"vfio-user-pci\","
        + "\"x-no-posted-writes\":false,\"x-msg-timeout\":10000,"
        + "\"socket\":{\"type\":\"unix\",\"path\":\"/s/endpoint\"}}";

    private const string Window = "-chardev socket,id=epc-window,path=/s/window -device vhost-user-test-device-pci,"
        + "id=epc-window,chardev=epc-window,virtio-id=6,num_vqs=1,config_size=8,bus=rp1";

    private const string Common = "--link /s/link --datapath direct --log-level Warning";

    [Test]
    public void ByDefaultBothGuestsBootWithTheirDevice()
    {
        using var made = new Made();
        Assert.That(made.Arguments("ep"), Is.EqualTo($"{EpDevice} {Window}"));
        Assert.That(made.Arguments("host"), Is.EqualTo(HostDevice));
        Assert.That(
            made.Process("EpcDevice"),
            Is.EqualTo($"EpcDevice --socket /s/epc {Common} --window /s/window --window-size 256M"));
        Assert.That(made.Process("EpfBridge"), Is.EqualTo($"EpfBridge --socket /s/endpoint {Common}"));
        Assert.That(made.Words("ep"), Is.EqualTo("epftest.run=/epftest/run pcie_qemu_ep.dma=memcpy"));
        Assert.That(made.Words("host"), Is.EqualTo("epftest.run=/epftest/run"));
    }

    [Test]
    public void WithHotPlugTheProcessesPlugTheirDevicesIn()
    {
        using var made = new Made("--hotplug");
        Assert.That(
            made.Arguments("ep"), Is.EqualTo($"{EpDevice} -qmp unix:/s/ep.qmp,server=on,wait=off {Window}"));
        Assert.That(made.Arguments("host"), Is.EqualTo("-qmp unix:/s/host.qmp,server=on,wait=off"));
        Assert.That(
            made.Process("EpcDevice"),
            Does.EndWith("--qmp /s/ep.qmp --hotplug-bus rp0,rp1 --hotplug-posted-writes false"));
        Assert.That(
            made.Process("EpfBridge"),
            Does.EndWith("--qmp /s/host.qmp --hotplug-bus rp0 --hotplug-posted-writes true"));
        Assert.That(made.Words("host"), Is.EqualTo("epftest.run=/epftest/run epftest.hotplug"));
    }

    [Test]
    public void OnTheTlpPathThereIsNoWindowAndWritesArePosted()
    {
        using var made = new Made("--datapath", "tlp", "--strict-order");
        Assert.That(
            made.Arguments("ep"),
            Is.EqualTo(EpDevice.Replace("writes\":true", "writes\":false", StringComparison.Ordinal)));
        Assert.That(made.Arguments("host"), Is.EqualTo(HostDevice));
        Assert.That(
            made.Process("EpcDevice"),
            Is.EqualTo("EpcDevice --socket /s/epc --link /s/link --datapath tlp --log-level Warning"));
    }

    [Test]
    public void OptionsReachGuestsAndProcesses()
    {
        using var made = new Made(
            "--map-bars", "--window", "off", "--posted-writes", "--strict-order", "--iommu", "translate",
            "--dma", "slave", "--cases", "-t MSI_TEST", "--host-qemu", "-action reboot=reset", "--host-smp", "2",
            "--log-level", "Debug");
        Assert.That(made.Arguments("ep"), Does.Contain("writes\":false").And.Not.Contain("window"));
        Assert.That(made.Arguments("host"), Does.Contain("writes\":true").And.EndWith(" -action reboot=reset"));
        Assert.That(made.Process("EpfBridge"), Does.EndWith("--datapath direct --log-level Debug --map-bars"));
        Assert.That(made.Words("ep"), Is.EqualTo("epftest.run=/epftest/run pcie_qemu_ep.dma=slave"));
        Assert.That(
            made.Words("host"),
            Is.EqualTo("epftest.run=/epftest/run iommu=nopt iommu.strict=1 epftest.cases=-t,MSI_TEST"));
        Assert.That(made.Guest("host").Guest.Spec.Processors, Is.EqualTo(2));
    }

    [Test]
    public void ASecondLinkHasItsOwnPortsAndSockets()
    {
        using var made = new Made(["host", "host2"], "--hotplug");
        Assert.That(made.Arguments("ep"), Does.Contain("\"bus\":\"rp2\"").And.Contain("\"id\":\"epc2\"")
            .And.Contain("/s/window2").And.Contain("bus=rp3").And.Contain("unix:/s/ep-2.qmp"));
        Assert.That(made.Process("EpcDevice2"), Does.StartWith("EpcDevice --socket /s/epc2 --link /s/link2 ")
            .And.EndWith("--qmp /s/ep-2.qmp --hotplug-bus rp2,rp3 --hotplug-posted-writes false"));
        Assert.That(made.Process("EpfBridge2"), Does.StartWith("EpfBridge --socket /s/endpoint2 ")
            .And.EndWith("--qmp /s/host2-2.qmp --hotplug-bus rp0 --hotplug-posted-writes true"));
        Assert.That(made.Guest("host2").Title, Is.EqualTo("host guest host2"));
    }

    /// <summary>A run that is made and not started.</summary>
    private sealed class Made : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly SocketFolder _sockets = new();
        private readonly FakeStarter _starter = new();
        private readonly PairSetup _setup;

        public Made(params string[] words)
            : this(["host"], words)
        {
        }

        public Made(string[] hosts, params string[] words)
        {
            PairOptions options = CommandLineReader.Read<PairOptions>(words);
            options.Check();
            var scenario = new Scenario("self-test", _folder.Path, "")
            {
                Guests = [new("ep", true, "/ep"), .. hosts.Select(name => new ScenarioGuest(name, false, "/host"))],
                Links = [.. hosts.Select(name => new ScenarioLink("ep", name))],
            };
            PairPlan plan = PairPlanner.Plan(scenario, options);
            var system = new GuestSystem(
                new QemuInstallation("/q", "11.1.3", true), new KernelBuild("/k", "7.3.4"), "/i", "kvm");
            CorePlacement cores = CorePlacement.Choose([], [], [0], false, null);
            var builder = new PairBuilder(
                plan,
                plan.Guests.ToDictionary(guest => guest.Name, _ => system),
                cores,
                new RunFolder(_folder.File("out")),
                _sockets);
            _setup = builder.Build(_starter, new EventQueue());
        }

        public PairGuest Guest(string name) => _setup.Guests.First(guest => guest.Name == name);

        /// <summary>The arguments of a guest's QEMU after its machine.</summary>
        public string Arguments(string guest) => Short(Guest(guest).Guest.Spec.Arguments);

        /// <summary>The words of a guest's kernel.</summary>
        public string Words(string guest) => string.Join(' ', Guest(guest).Guest.Spec.KernelWords);

        /// <summary>The command line of a process.</summary>
        public string Process(string name)
        {
            _setup.Links.SelectMany(link => new[] { link.EpcDevice, link.EpfBridge })
                .First(process => process.Name == name).Start();
            IReadOnlyList<string> command = _starter.Started[^1].Spec.Command;
            return Short([Path.GetFileName(command[0]), .. command.Skip(1)]);
        }

        public void Dispose()
        {
            _sockets.Dispose();
            _folder.Dispose();
        }

        private string Short(IReadOnlyList<string> words) =>
            string.Join(' ', words).Replace(_sockets.Path, "/s", StringComparison.Ordinal);
    }
}
