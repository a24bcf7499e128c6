using EpfTest.Unit.Rig.Guests;

namespace EpfTest.Unit.Rig.Pairs;

/// <summary>What the guests' scripts ask for, with epftest-say and the like.</summary>
internal sealed class RelayTests
{
    private FakePair _pair = null!;

    [SetUp]
    public void Start()
    {
        _pair = new FakePair();
        _pair.Script("ep").Print("epftest: ready");
    }

    [TearDown]
    public void Stop() => _pair.Dispose();

    [Test]
    public void AWordGoesToTheOtherScript()
    {
        _pair.Script("ep").Print("epftest: say down");
        Assert.That(_pair.Script("host").Hear(), Is.EqualTo("said down"));
        _pair.Script("host").Print("epftest: say saw down");
        Assert.That(_pair.Script("ep").Hear(), Is.EqualTo("said saw down"));
        Assert.That(_pair.Results, Is.Empty);
        Assert.That(_pair.HasKilled, Is.False);
    }

    [Test]
    public void WordsAreRememberedForEachGuest()
    {
        _pair.Script("ep").Print("epftest: remember one two");
        Assert.That(_pair.Script("ep").Hear(), Is.EqualTo("said remembered"));
        _pair.Script("ep").Print("epftest: recall");
        Assert.That(_pair.Script("ep").Hear(), Is.EqualTo("said recalled one two"));
        _pair.Script("host").Print("epftest: recall");
        Assert.That(_pair.Script("host").Hear(), Is.EqualTo("said recalled "));
    }

    [Test]
    public void AProcessIsKilledAndStartedAgain()
    {
        _pair.Script("host").Print("epftest: restart EpfBridge ");
        Assert.That(_pair.Script("host").Hear(), Is.EqualTo("said restarted EpfBridge"));
        Assert.That(_pair.ProcessOf("EpfBridge").Ended.Result, Is.EqualTo(137));
        Assert.That(_pair.ProcessOf("EpfBridge", 2).Ended.IsCompleted, Is.False);
        Assert.That(_pair.HasKilled, Is.True);
    }

    [Test]
    public void AProcessIsStoppedAndStartedLater()
    {
        _pair.Script("ep").Print("epftest: restart EpcDevice stop");
        Assert.That(_pair.Script("ep").Hear(), Is.EqualTo("said restarted EpcDevice"));
        Assert.That(_pair.Started.Split(' ').Count(name => name == "EpcDevice"), Is.EqualTo(1));
        _pair.Script("ep").Print("epftest: restart EpcDevice start");
        Assert.That(_pair.Script("ep").Hear(), Is.EqualTo("said restarted EpcDevice"));
        Assert.That(_pair.Started.Split(' ').Count(name => name == "EpcDevice"), Is.EqualTo(2));
    }

    [Test]
    public void AGuestIsRestartedByTheOther()
    {
        _pair.Script("host").Print("before");
        _pair.Script("ep").Print("epftest: restart host-qemu ");
        Assert.That(_pair.Script("ep").Hear(), Is.EqualTo("said restarted host-qemu"));
        _pair.Script("host", 2).Print("after");
        _pair.Script("host", 2).Exit(0);
        Assert.That(_pair.Script("ep").Hear(), Is.EqualTo("host done"));
        _pair.Script("ep").Exit(0);
        Assert.That(_pair.Finish(), Is.Zero);
        Assert.That(_pair.Results, Is.EqualTo("host | before\nhost | after\n"));
    }

    [Test]
    public void AGuestThatRestartsItselfIsToldNothing()
    {
        _pair.Script("host").Print("epftest: restart host-qemu ");
        FakeQemu again = _pair.Script("host", 2);
        _pair.Script("ep").Print("epftest: say welcome");
        Assert.That(again.Hear(), Is.EqualTo("said welcome"));
    }

    [Test]
    public void SomethingUnknownEndsTheRun()
    {
        _pair.Script("ep").Print("epftest: restart EpfDevice ");
        _pair.AssertEnds(125, "a script wants to restart 'EpfDevice', which is unknown");
    }
}
