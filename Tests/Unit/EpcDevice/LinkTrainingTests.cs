using EpfTest.EpcDevice.Link;

namespace EpfTest.Unit.EpcDevice;

[TestFixture]
internal sealed class LinkTrainingTests
{
    private static readonly LinkEvent[] s_up =
        [LinkEvent.HostArrived, LinkEvent.Enable, LinkEvent.FunctionsReady, LinkEvent.Up];

    [Test]
    public void TheLinkComesUpStepByStep()
    {
        var training = new LinkTraining();
        var states = new List<LinkState> { training.State };
        foreach (LinkEvent step in s_up)
        {
            Assert.That(training.Take(step), Is.True);
            states.Add(training.State);
        }

        Assert.That(states, Is.EqualTo(
            [LinkState.Detect, LinkState.Disabled, LinkState.Polling, LinkState.Configuration, LinkState.L0]));
        Assert.That((training.IsUp, training.IsEnabled, training.AreFunctionsFixed), Is.EqualTo((true, true, true)));
    }

    [Test]
    public void DisablingKeepsTheFunctionsFixedUntilTheHostHasLetGo()
    {
        LinkTraining training = After(4);
        training.Take(LinkEvent.Disable);
        Assert.That(
            (training.State, training.IsUp, training.AreFunctionsFixed), Is.EqualTo((LinkState.Recovery, false, true)));
        training.Take(LinkEvent.Down);
        Assert.That((training.State, training.AreFunctionsFixed), Is.EqualTo((LinkState.Disabled, false)));
    }

    [Test]
    public void AHostThatLeavesEndsEveryState([Range(0, 4)] int steps)
    {
        LinkTraining training = After(steps);
        Assert.That(training.Take(LinkEvent.HostLeft), Is.EqualTo(steps > 0));
        Assert.That((training.State, training.IsPerstAsserted), Is.EqualTo((LinkState.Detect, true)));
    }

    [TestCase(0, nameof(LinkEvent.Enable))]
    [TestCase(0, nameof(LinkEvent.Up))]
    [TestCase(1, nameof(LinkEvent.FunctionsReady))]
    [TestCase(2, nameof(LinkEvent.Up))]
    [TestCase(3, nameof(LinkEvent.Enable))]
    [TestCase(4, nameof(LinkEvent.Down))]
    [TestCase(4, nameof(LinkEvent.HostArrived))]
    public void AnEventWithoutMeaningChangesNothing(int steps, string name)
    {
        LinkTraining training = After(steps);
        LinkState before = training.State;
        Assert.That(training.Take(Enum.Parse<LinkEvent>(name)), Is.False);
        Assert.That(training.State, Is.EqualTo(before));
    }

    private static LinkTraining After(int steps)
    {
        var training = new LinkTraining();
        foreach (LinkEvent step in s_up.AsSpan(0, steps))
        {
            training.Take(step);
        }

        return training;
    }
}
