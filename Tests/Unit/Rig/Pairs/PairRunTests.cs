using EpfTest.Rig.Guests;
using EpfTest.Rig.Pairs;

namespace EpfTest.Unit.Rig.Pairs;

internal sealed class PairRunTests
{
    [Test]
    public void TheHostBootsWhenTheEpGuestIsReady()
    {
        using var pair = new FakePair();
        FakeScripts(pair);
        Assert.That(pair.Finish(), Is.Zero);
        Assert.That(
            pair.Started, Is.EqualTo("EpcDevice EpfBridge the EP guest's QEMU the host guest's QEMU"));
        Assert.That(pair.Results, Is.EqualTo("EP   | setting up\nhost | testing\nhost | a message\nEP   | done\n"));
    }

    [Test]
    public void WithHotPlugTheHostBootsFirst()
    {
        using var pair = new FakePair(hotPlug: true);
        pair.Script("host").Print("epftest: up");
        pair.Script("ep").Print("epftest: ready", "epftest: say go");
        Assert.That(pair.Script("host").Hear(), Is.EqualTo("said go"));
        pair.Script("host").Exit(0);
        Assert.That(pair.Script("ep").Hear(), Is.EqualTo("host done"));
        pair.Script("ep").Exit(0);
        Assert.That(pair.Finish(), Is.Zero);
        Assert.That(
            pair.Started, Is.EqualTo("EpcDevice EpfBridge the host guest's QEMU the EP guest's QEMU"));
    }

    [Test]
    public void ThreeGuestsAndTwoLinksAreNoSpecialCase()
    {
        using var pair = new FakePair(hosts: ["host", "host2"]);
        pair.Script("ep").Print("epftest: ready");
        pair.Script("host").Print("epftest: say hello");
        Assert.That(pair.Script("ep").Hear(), Is.EqualTo("said hello"));
        Assert.That(pair.Script("host2").Hear(), Is.EqualTo("said hello"));
        pair.Script("host").Exit(0);
        pair.Script("host2").Exit(3);
        Assert.That(pair.Script("ep").Hear(), Is.EqualTo("host done"));
        pair.Script("ep").Exit(0);
        Assert.That(pair.Finish(), Is.EqualTo(3));
        Assert.That(pair.Started, Does.StartWith("EpcDevice EpfBridge EpcDevice2 EpfBridge2 the EP guest's QEMU"));
    }

    [TestCase(3, 4, 3)]
    [TestCase(0, 4, 4)]
    public void TheHostsStatusComesFirst(int host, int ep, int status)
    {
        using var pair = new FakePair();
        FakeScripts(pair, host, ep);
        Assert.That(pair.Finish(), Is.EqualTo(status));
        Assert.That(pair.Messages, Does.Contain($"the EP guest's script ended with {ep}"));
    }

    [Test]
    public void AnEpGuestThatIsNotReadyEndsTheRun()
    {
        using var pair = new FakePair();
        pair.Script("ep").Exit(7);
        pair.AssertEnds(7, "the EP guest's script ended with 7 before it was ready");
    }

    [Test]
    public void AnEpGuestThatPowersOffTooEarlyEndsTheRun()
    {
        using var pair = new FakePair();
        pair.Script("ep").Print("epftest: ready");
        pair.Script("host").Print("testing");
        pair.Script("ep").Exit(0);
        pair.AssertEnds(125, "the EP guest powered off before the host's script had ended");
    }

    [Test]
    public void AHostThatDoesNotComeUpEndsTheRun()
    {
        using var pair = new FakePair(hotPlug: true);
        pair.Script("host").Exit(1);
        pair.AssertEnds(125, "the host guest ended with 1 before it was up");
    }

    [Test]
    public void AHostThatEndsBeforeTheEpGuestIsReadyEndsTheRun()
    {
        using var pair = new FakePair(hotPlug: true);
        pair.Script("host").Print("epftest: up");
        pair.Script("ep").Print("setting up");
        pair.Script("host").Exit(1);
        pair.AssertEnds(125, "the host's script ended with 1 before the EP guest was ready");
    }

    [TestCase("EpcDevice")]
    [TestCase("EpfBridge")]
    public void AProcessThatEndsEndsTheRun(string name)
    {
        using var pair = new FakePair();
        pair.Script("ep").Print("epftest: ready");
        pair.Script("host").Print("testing");
        pair.ProcessOf(name).End(134);
        pair.AssertEnds(125, $"{name} ended with status 134");
    }

    [Test]
    public void AGuestThatEndsBecauseOfAProcessIsNotTheReason()
    {
        using var pair = new FakePair();
        pair.Script("ep").Print("epftest: ready");
        FakeQemuAndProcessEnd(pair);
        pair.AssertEnds(125, "EpfBridge ended with status 1");
    }

    [Test]
    public void AQemuThatFailsIsTheReason()
    {
        using var pair = new FakePair();
        pair.Script("ep").End(1);
        pair.AssertEnds(
            125, $"the EP guest's QEMU exited with status 1 (console: {ConsoleOf(pair, "ep")})");
    }

    [Test]
    public void AGuestWithoutAResultIsTheReason()
    {
        using var pair = new FakePair();
        pair.Script("ep").Print("epftest: ready");
        pair.Script("host").End(0);
        pair.AssertEnds(125, $"the host guest ended without a result (console: {ConsoleOf(pair, "host")})");
    }

    [TestCase("Attempted to kill init! exitcode=0x00000b00", true)]
    [TestCase("sysrq triggered crash", false)]
    public void APanicIsTheReasonUnlessAScriptWantedIt(string reason, bool isReason)
    {
        using var pair = new FakePair();
        pair.WriteConsole("ep", $"[    1.0] Kernel panic - not syncing: {reason}\r\n");
        pair.Script("ep").End(0);
        string why = isReason ? $"the EP guest's kernel panicked: {reason}" : "the EP guest ended without a result";
        pair.AssertEnds(125, $"{why} (console: {ConsoleOf(pair, "ep")})");
    }

    [Test]
    public void ALimitEndsTheRun()
    {
        using var pair = new FakePair(limits: new RunLimits { EpGuest = TimeSpan.FromMilliseconds(1) });
        pair.AssertEnds(124, "timeout: the EP guest was not ready within 0 s");
    }

    [Test]
    public void ASignalEndsTheRun()
    {
        using var pair = new FakePair();
        pair.Script("ep").Print("setting up");
        pair.Events.Post(new Interrupted("SIGTERM", 143));
        pair.AssertEnds(143, "interrupted by SIGTERM");
    }

    private static void FakeScripts(FakePair pair, int host = 0, int ep = 0)
    {
        pair.Script("ep").Print("setting up", "epftest: ready");
        pair.Script("host").Print("testing", "epftest: a message");
        pair.Script("host").Exit(host);
        Assert.That(pair.Script("ep").Hear(), Is.EqualTo("host done"));
        pair.Script("ep").Print("done");
        pair.Script("ep").Exit(ep);
    }

    private static void FakeQemuAndProcessEnd(FakePair pair)
    {
        pair.Script("host").Print("testing");
        pair.ProcessOf("EpfBridge").End(1);
        pair.Script("host").End(1);
    }

    private static string ConsoleOf(FakePair pair, string guest) =>
        pair.Setup.Guests.First(item => item.Name == guest).Guest.Files.Console;
}
