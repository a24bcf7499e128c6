using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Hosting;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>
/// Parts that go without a word, each many times over: what the other side sees then, and that a new one takes the old
/// one's place. docs/reliability.md has them all.
/// </summary>
[Category("Stress")]
internal sealed class FaultTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const int Rounds = 20;

    [Test]
    public void AHostThatDiesIsReplaced()
    {
        Ep.SetUp(0);
        Ep.LinkUp();
        for (uint round = 0; round < Rounds; round++)
        {
            var host = new HostGuest(HostSocket);
            host.Enable();
            Use(host, round);

            // What becomes of a QEMU that is killed, and of one whose guest has panicked: the connection ends.
            host.Dispose();
            Wait.Until(() => Ep.RaiseMsi(0) == EpcRegister.ResultNotEnabled, "the function is reset");
            Assert.That(Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusUp, Is.Not.Zero, "the link stays up");
        }
    }

    [Test]
    public void AnEpGuestThatDiesTakesTheDeviceAway()
    {
        for (uint round = 0; round < Rounds; round++)
        {
            HostGuest host = BringUp();
            Use(host, round);
            Ep.Dispose();
            host.ExpectAllOnes();
            host.Dispose();
            Wait.Until(() => !File.Exists(HostSocket), "the socket is gone");
            RestartEp();
        }
    }

    [Test]
    public void AnEpGuestThatRebootsTakesTheDeviceAway()
    {
        for (uint round = 0; round < Rounds; round++)
        {
            HostGuest host = BringUp();
            Use(host, round);

            // What QEMU sends at a reboot; the guest then programs the controller's BARs anew.
            Ep.ResetDevice();
            host.ExpectAllOnes();
            host.Dispose();
            Ep.Dispose();
            RestartEp();
        }
    }

    [Test]
    public void AHostThatRebootsFindsTheDeviceAgain()
    {
        HostGuest host = BringUp();
        for (uint round = 0; round < Rounds; round++)
        {
            Use(host, round);
            host.ResetDevice();
            Assert.That(host.ReadConfig(0x04) & 0xffff, Is.Zero, "as after power-on");
            host.Enable();
        }

        Use(host, Rounds);
    }

    [Test]
    public void AFunctionLevelResetIsOvercome()
    {
        HostGuest host = BringUp();
        for (uint round = 0; round < Rounds; round++)
        {
            Use(host, round);
            host.ResetFunction();
            Assert.That(host.ReadConfig(0x04) & 0x4, Is.Zero, "bus mastering is off");
            host.Enable();
        }

        Use(host, Rounds);
    }

    [Test]
    public void ALinkThatStopsLeavesTheOldHostAnsweredWhileANewOneWorks()
    {
        HostGuest old = BringUp();
        for (uint round = 0; round < Rounds; round++)
        {
            Ep.LinkDown();
            old.ExpectAllOnes();
            Ep.LinkUp();
            HostGuest host = ConnectHost();
            Use(host, round);

            // What the old one still does, with the same memory at the same addresses, is not the new one's business.
            old.Unmap(0, GuestClient.SharedSize);
            old.ResetDevice();
            old.WriteConfig16(0x04, 0);
            Use(host, round + 100);
            old.Dispose();
            old = host;
        }
    }

    [Test]
    public void AHostIsRealizedWholeAlthoughTheLinkIsDown()
    {
        for (uint round = 0; round < Rounds; round++)
        {
            HostGuest host = BringUp();
            Ep.LinkDown();

            // All of it at once is what QEMU reads while it realizes the device.
            byte[] config = host.Read(7, 0, 4096);
            Assert.That(BitConverter.ToUInt32(config), Is.EqualTo(0xb500_104c));
            Assert.That(config[0x34], Is.Not.EqualTo(byte.MaxValue));
            host.ExpectAllOnes();
            host.Dispose();
        }
    }

    [Test]
    public void TheEndpointIsPluggedAndUnpluggedWithTheLink()
    {
        using FakeMonitor monitor = StartMonitor(out Func<HostGuest> plugged);
        Ep.SetUp(0);
        for (uint round = 0; round < Rounds; round++)
        {
            Ep.LinkUp();
            HostGuest host = plugged();
            Use(host, round);
            Ep.LinkDown();
            Wait.Until(() => !monitor.HasDevice("epf0"), "the host lets go");
        }

        Assert.That(monitor.Commands.Count(command => command == "device_add epf0"), Is.EqualTo(Rounds));
    }

    [Test]
    public void AHostThatDoesNotLetGoIsAnsweredUntilItDoes()
    {
        using FakeMonitor monitor = StartMonitor(out Func<HostGuest> plugged);
        Ep.SetUp(0);
        Ep.LinkUp();
        HostGuest host = plugged();
        monitor.GuestReacts = false;
        Ep.LinkDown();
        Wait.Until(() => monitor.Commands.Count(command => command == "device_del epf0") > 1, "it is asked again");
        host.ExpectAllOnes();
        Ep.LinkUp();
        host.ExpectAllOnes();
        Assert.That(monitor.Commands.Count(command => command == "device_add epf0"), Is.EqualTo(1));
        monitor.GuestReacts = true;
        monitor.LetGo();
        Use(plugged(), 7);
    }

    [Test]
    public void AKilledBridgeIsReplacedAfterTheDeadDeviceIsTakenAway()
    {
        using FakeMonitor monitor = StartMonitor(out Func<HostGuest> plugged);
        Bridge.Dispose();
        Ep.SetUp(0);
        for (uint round = 0; round < Rounds; round++)
        {
            using var bridge = ChildProcess.StartOurs(
                "EpfBridge", [.. ProgramOptions(HostSocket), .. HotPlugOptions(monitor)]);
            Ep.LinkUp();
            HostGuest host = plugged();
            Use(host, round);
            int before = monitor.Commands.Length;
            bridge.Kill();
            Wait.Until(() => host.HungUp, "the host loses its device");
            Wait.Until(() => (Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusPerst) != 0, "PERST# is asserted");
            Assert.That(Ep.RaiseMsi(0), Is.EqualTo(EpcRegister.ResultLinkDown));
            Assert.That(Ep.ReadWindow(0, 4), Is.All.EqualTo(byte.MaxValue));
            Assert.That(monitor.Commands.Skip(before), Is.Empty);
        }

        Assert.That(
            string.Join(' ', DeviceCommands(monitor).Take(3)),
            Is.EqualTo("device_add epf0 device_del epf0 device_add epf0"));
    }

    [Test]
    public void AKilledEpcDeviceComesBackIntoTheEpGuest()
    {
        Ep.Dispose();
        Epc.Dispose();
        using var monitor = new FakeMonitor(HostSocket + ".ep-qmp");
        EpGuest? ep = null;
        monitor.Realize = arguments => Volatile.Write(ref ep, new EpGuest(arguments["socket"]!["path"]!.ToString()));
        monitor.Unrealize = _ => Interlocked.Exchange(ref ep, null)?.Dispose();
        for (uint round = 0; round < Rounds; round++)
        {
            using var epc = ChildProcess.StartOurs(
                "EpcDevice", [.. ProgramOptions(EpSocket), .. HotPlugOptions(monitor)]);
            Wait.Until(
                () => Volatile.Read(ref ep) is { HungUp: false } && monitor.HasDevice("epc"),
                "the controller is plugged");
            Ep = ep!;
            HostGuest host = BringUp();
            Use(host, round);
            epc.Kill();
            host.ExpectAllOnes();
            host.Dispose();
            Wait.Until(() => Ep.HungUp && !File.Exists(HostSocket), "both guests lose their device");
        }

        Assert.That(
            string.Join(' ', DeviceCommands(monitor)),
            Is.EqualTo(string.Join(" device_del epc ", Enumerable.Repeat("device_add epc", Rounds))));
    }

    private static IEnumerable<string> DeviceCommands(FakeMonitor monitor) =>
        monitor.Commands.Where(command => command.StartsWith("device_", StringComparison.Ordinal));

    /// <summary>A host's QEMU into which the bridge plugs.</summary>
    private FakeMonitor StartMonitor(out Func<HostGuest> plugged)
    {
        HostGuest? host = null;
        var monitor = new FakeMonitor(HostSocket + ".qmp");
        monitor.Realize = arguments =>
            Volatile.Write(ref host, new HostGuest(arguments["socket"]!["path"]!.ToString()));
        monitor.Unrealize = _ => Interlocked.Exchange(ref host, null)?.Dispose();
        Bridge.Dispose();
        Bridge = StartBridge(monitor.Path);
        plugged = () =>
        {
            Wait.Until(
                () => Volatile.Read(ref host) is { HungUp: false } && monitor.HasDevice("epf0"),
                "the endpoint is plugged");
            host!.Enable();
            return host;
        };
        return monitor;
    }

    private string[] ProgramOptions(string socket) =>
        ["--socket", socket, "--link", LinkSocket, "--datapath", DataPath.ToString(), "--log-level", "None"];

    private static string[] HotPlugOptions(FakeMonitor monitor) =>
        ["--qmp", monitor.Path, "--hotplug-bus", "rp0", "--hotplug-msix"];

    /// <summary>The host writes to a BAR, and the endpoint reads the host's memory.</summary>
    private void Use(HostGuest host, uint value)
    {
        host.WriteThrough(1, 0, value);
        Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(value));
        host.Store(0x5000, BitConverter.GetBytes(value + 1));
        Ep.MapOutbound(0, 0, 0x1000, 0x5000);
        Assert.That(Ep.ReadWindow(0, 4), Is.EqualTo(BitConverter.GetBytes(value + 1)));
        Ep.UnmapOutbound(0);
    }
}
