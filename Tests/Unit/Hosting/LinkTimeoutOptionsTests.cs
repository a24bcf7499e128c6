using EpfTest.EpfBridge;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Link;

namespace EpfTest.Unit.Hosting;

/// <summary>The time limits that both processes take from their command lines.</summary>
internal sealed class LinkTimeoutOptionsTests
{
    [Test]
    public void DefaultsAreThoseOfTheLink()
    {
        var options = new BridgeOptions();
        Assert.That(options.LinkTimeouts, Is.EqualTo(LinkTimeouts.Default));
        Assert.That(options.QemuTimeout, Is.EqualTo(TimeSpan.FromSeconds(10)), "as in qemu-configs/*.args");
    }

    [Test]
    public void SlowRelayGetsMoreTimeAndQemuWaitsLonger()
    {
        var options = new BridgeOptions { CompletionTimeout = 4000, LinkTimeout = 6000 };
        Assert.That(
            options.LinkTimeouts,
            Is.EqualTo(new LinkTimeouts
            {
                Completion = TimeSpan.FromSeconds(4),
                Acknowledge = TimeSpan.FromSeconds(6),
                Room = TimeSpan.FromSeconds(6),
                Hello = TimeSpan.FromSeconds(15),
                Send = TimeSpan.FromSeconds(15),
            }));
        Assert.That(options.QemuTimeout, Is.EqualTo(TimeSpan.FromSeconds(30)));
    }

    [TestCase(9, 2000, "--completion-timeout 9: invalid; give milliseconds from 10 to 60000")]
    [TestCase(60_001, 2000, "--completion-timeout 60001")]
    [TestCase(2000, 0, "--link-timeout 0: invalid; give milliseconds from 10 to 60000")]
    public void ValuesOutOfRangeAreRefused(int completion, int link, string message)
    {
        var options = new BridgeOptions { CompletionTimeout = completion, LinkTimeout = link };
        Assert.That(() => options.LinkTimeouts, Throws.TypeOf<UsageException>().With.Message.Contains(message));
    }
}
