using EpfTest.Rig.Pairs;
using EpfTest.Rig.Processes;

namespace EpfTest.Unit.Rig.Pairs;

internal sealed class WatchdogTests
{
    private TimeSpan _now;
    private Watchdog _watchdog = null!;

    [SetUp]
    public void Make()
    {
        _now = TimeSpan.FromSeconds(100);
        _watchdog = new Watchdog(() => _now);
    }

    [Test]
    public void ALimitPasses()
    {
        _watchdog.WatchFor("the EP guest was not ready", TimeSpan.FromSeconds(120));
        Advance(119);
        _watchdog.Check();
        Assert.That(_watchdog.Remaining, Is.EqualTo(TimeSpan.FromSeconds(1)));
        Advance(1);
        Assert.That(_watchdog.Remaining, Is.EqualTo(TimeSpan.Zero));
        AssertEnds("timeout: the EP guest was not ready within 120 s");
    }

    [Test]
    public void TheNextThingHasItsOwnTime()
    {
        _watchdog.WatchFor("one", TimeSpan.FromSeconds(10));
        Advance(9);
        _watchdog.WatchFor("two", TimeSpan.FromSeconds(10));
        Advance(9);
        _watchdog.Check();
        Advance(1);
        AssertEnds("timeout: two within 10 s");
    }

    [Test]
    public void TheWholeRunIsLimited()
    {
        _watchdog.LimitRun(TimeSpan.FromSeconds(900));
        _watchdog.WatchFor("the host's script did not end", TimeSpan.Zero);
        Advance(900);
        AssertEnds("timeout: the run did not end within 900 s (--timeout): the host's script did not end");
    }

    [Test]
    public void ZeroIsNoLimit()
    {
        _watchdog.LimitRun(TimeSpan.Zero);
        _watchdog.WatchFor("nothing", TimeSpan.Zero);
        Advance(1_000_000);
        _watchdog.Check();
        Assert.That(_watchdog.Remaining, Is.GreaterThan(TimeSpan.FromHours(1)));
    }

    private void Advance(int seconds) => _now += TimeSpan.FromSeconds(seconds);

    private void AssertEnds(string message) => Assert.That(
        _watchdog.Check,
        Throws.TypeOf<RunEndedException>().With.Message.EqualTo(message).And.Property("Status").EqualTo(124));
}
