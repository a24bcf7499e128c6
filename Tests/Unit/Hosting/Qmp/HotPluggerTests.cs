using System.Net.Sockets;
using System.Text.Json.Nodes;
using EpfTest.Kit;
using EpfTest.Kit.Hosting;
using EpfTest.Protocol.Hosting.Qmp;

namespace EpfTest.Unit.Hosting.Qmp;

/// <summary>What a QEMU is asked as devices are wanted and not.</summary>
internal sealed class HotPluggerTests
{
    private static readonly HotPlugDevice s_device = HotPlugDevice.VfioUser(
        "epf0", "rp0", "/run/endpoint", postsWrites: true, TimeSpan.FromSeconds(10));

    private TemporaryFolder _folder = null!;
    private RecordingLogger _logger = null!;
    private FakeMonitor _monitor = null!;
    private HotPlugger _plugger = null!;

    private string Path => _folder.File("qmp");

    [SetUp]
    public void Start()
    {
        _folder = new TemporaryFolder();
        _logger = new RecordingLogger();
        _monitor = new FakeMonitor(Path);
        _plugger = NewPlugger();
    }

    [TearDown]
    public void Stop()
    {
        _plugger.Dispose();
        _monitor.Dispose();
        _logger.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void DevicesAreAddedInTheirOrderWithWhatQemuWants()
    {
        _plugger.Plug([new HotPlugDevice("epf1", []), s_device]);
        WaitForDevice();
        Assert.That(Asked("device_add"), Is.EqualTo("device_add epf1, device_add epf0"));
        JsonObject added = _monitor.LastAdded!;
        Assert.That(added["driver"]!.ToString(), Is.EqualTo("vfio-user-pci"));
        Assert.That(added["socket"]!["type"]!.ToString(), Is.EqualTo("unix"));
        Assert.That(added["socket"]!["path"]!.ToString(), Is.EqualTo("/run/endpoint"));
        Assert.That(added["bus"]!.ToString(), Is.EqualTo("rp0"));
        Assert.That(added["x-no-posted-writes"]!.GetValue<bool>(), Is.False);
        Assert.That(added["x-msg-timeout"]!.GetValue<int>(), Is.GreaterThan(5000));
    }

    [Test]
    public void DevicesAreRemovedInTheOtherOrder()
    {
        _plugger.Plug([new HotPlugDevice("epf1", []), s_device]);
        WaitForDevice();
        Assert.That(_plugger.Unplug(Wait.Limit), Is.True);
        Assert.That(Asked("device_del"), Is.EqualTo("device_del epf0, device_del epf1"));
    }

    [Test]
    public void ACharacterDeviceComesBeforeItsDeviceAndGoesAfterIt()
    {
        _plugger.Plug([new HotPlugDevice("epf0", []) { CharacterDevice = "/run/window" }]);
        WaitForDevice();
        Assert.That(_plugger.Unplug(Wait.Limit), Is.True);
        Assert.That(
            string.Join(", ", _monitor.Commands.Skip(1).Where(command => command != "qom-list")),
            Is.EqualTo("chardev-add epf0, device_add epf0, device_del epf0, chardev-remove epf0"));
    }

    [Test]
    public void ADeviceIsGoneOnlyOnceTheGuestHasLetGo()
    {
        Plug();
        _monitor.GuestReacts = false;
        using var gone = new ManualResetEventSlim();
        _plugger.Unplug(gone.Set);
        _logger.WaitFor("has not let go of epf0");
        Assert.That(gone.IsSet, Is.False);
        Wait.Until(() => _monitor.Commands.Count(command => command == "device_del epf0") > 5, "it is asked again");
        Assert.That(_logger.Lines.Count(line => line.Contains("has not let go")), Is.EqualTo(1));

        _monitor.LetGo();
        Assert.That(gone.Wait(Wait.Limit), Is.True);
    }

    [Test]
    public void WhoeverAsksForItToGoIsNotToldBeforeItWasEvenThere()
    {
        for (int round = 0; round < 20; round++)
        {
            _plugger.Plug([s_device]);
            Assert.That(_plugger.Unplug(Wait.Limit), Is.True);
            Assert.That(_monitor.HasDevice("epf0"), Is.False);
        }
    }

    [Test]
    public void AWishThatComesBackWaitsForTheOldDeviceToGo()
    {
        for (int round = 0; round < 20; round++)
        {
            Plug();
            _plugger.Unplug();
        }

        Plug();
        Assert.That(_logger.Has("Duplicate"), Is.False);
    }

    [Test]
    public void QemuMayComeLaterAndComeBack()
    {
        _monitor.Dispose();
        _plugger.Plug([s_device]);
        for (int round = 0; round < 20; round++)
        {
            _monitor = new FakeMonitor(Path);
            WaitForDevice();
            _monitor.Dispose();
        }
    }

    [Test]
    public void AQemuThatGoesHasLetGo()
    {
        Plug();
        _monitor.GuestReacts = false;
        using var gone = new ManualResetEventSlim();
        _plugger.Unplug(gone.Set);
        Wait.Until(() => _monitor.Commands.Contains("device_del epf0"), "it is asked");
        _monitor.Dispose();
        Assert.That(gone.Wait(Wait.Limit), Is.True);
    }

    [Test]
    public void WhatAProcessBeforeUsLeftGoesAtOnce()
    {
        for (int round = 0; round < 20; round++)
        {
            _plugger.Dispose();
            _monitor.AddDevice("epf0");
            _plugger = NewPlugger();
            Wait.Until(() => !_monitor.HasDevice("epf0"), "the dead device goes");
        }

        Assert.That(Asked("device_add"), Is.Empty);
        Plug();
    }

    [Test]
    public void ADeviceThatWeServeStaysWhenTheMonitorComesBack()
    {
        // QEMU comes later, when the wanted devices are known.
        _monitor.Dispose();
        _plugger.Plug([s_device with { IsServed = static () => true }]);
        _monitor = new FakeMonitor(Path, devices: "epf0");
        _logger.WaitFor("has its devices already");
        Assert.That(Asked("device_"), Is.Empty);
        Assert.That(_plugger.Unplug(Wait.Limit), Is.True);
        Assert.That(Asked("device_"), Is.EqualTo("device_del epf0"));
    }

    [Test]
    [Category("Slow")]
    public void ARefusalIsReportedOnceAndTriedAgain()
    {
        _monitor.Refusal = "Bus 'rp0' not found";
        _plugger.Plug([s_device]);
        Wait.Until(
            () => _monitor.Commands.Count(command => command == "device_add epf0") > 2, "it is tried again");
        Assert.That(_logger.Lines, Has.One.Contains("Bus 'rp0' not found"));
        _monitor.Refusal = null;
        WaitForDevice();
    }

    [TestCase("SSH-2.0-OpenSSH")]
    [TestCase("[1, 2]")]
    public void WhatIsNoMonitorIsReported(string greeting)
    {
        _monitor.Dispose();
        _monitor = new FakeMonitor(Path, greeting);
        _plugger.Plug([s_device]);
        _logger.WaitFor("no monitor");
    }

    [Test]
    public void AMonitorThatDoesNotGreetIsReported()
    {
        _monitor.Dispose();
        _monitor = new FakeMonitor(Path, "{}");
        Assert.That(
            () => QmpClient.Connect(Path, TimeSpan.FromMilliseconds(50), static (_, _) => { }, static () => { }),
            Throws.InstanceOf<QmpException>().With.Message.Contains("no greeting"));
    }

    /// <summary>A QEMU that is killed listens a moment longer than its clients are served.</summary>
    [Test]
    public void AMonitorThatHangsUpWithoutAWordIsNoneAtAll()
    {
        _monitor.Dispose();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path));
        listener.Listen();
        Task hangUp = Task.Run(() => listener.Accept().Dispose());
        Assert.That(
            () => QmpClient.Connect(Path, TimeSpan.FromSeconds(5), static (_, _) => { }, static () => { }),
            Throws.InstanceOf<QmpException>().With.Property(nameof(QmpException.IsAbsent)).True);
        Wait.For(hangUp);
        File.Delete(Path);
    }

    private HotPlugger NewPlugger() =>
        new(Path, ["epf0", "epf1"], _logger.CreateLogger("hot-plug"), TimeSpan.FromMilliseconds(200));

    private void Plug()
    {
        _plugger.Plug([s_device]);
        WaitForDevice();
    }

    private void WaitForDevice() => Wait.Until(() => _monitor.HasDevice("epf0"), "it is plugged");

    private string Asked(string command) =>
        string.Join(", ", _monitor.Commands.Where(asked => asked.StartsWith(command, StringComparison.Ordinal)));
}
