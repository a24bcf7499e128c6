using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;

namespace EpfTest.Unit.VfioUser;

/// <summary>Interrupts that are raised while the client changes their set-up.</summary>
[Category("Stress")]
internal sealed class InterruptConcurrencyTests : ConnectedFixture
{
    private const uint SetTrigger = RawIrq.EventFd | RawIrq.Trigger;

    [Test]
    public void EachInterruptSignalsOneEventFdWhileTheyAreExchanged()
    {
        const int Threads = 3;
        const int Exchanges = 300;
        EventFd[] signals = [.. Enumerable.Range(0, Exchanges).Select(_ => EventFd.Create())];
        var bystanders = new List<EventFd>();
        Set(SetTrigger, 1, signals[0]);
        using var stop = new CancellationTokenSource();
        Task<long>[] triggers = [.. Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(
            () =>
            {
                long count = 0;
                while (!stop.IsCancellationRequested)
                {
                    count += Server.Interrupts.Trigger(IrqIndex.Msix, 0) ? 1 : 0;
                }

                return count;
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        foreach (EventFd signal in signals)
        {
            Set(SetTrigger, 1, signal);

            // Takes the number of a descriptor that the server has just closed.
            bystanders.Add(EventFd.Create());
        }

        stop.Cancel();
        long accepted = triggers.Sum(Wait.For);
        Assert.That(accepted, Is.GreaterThan(Exchanges));
        Assert.That(signals.Sum(signal => (long)signal.Drain()), Is.EqualTo(accepted));
        Assert.That(bystanders.Sum(signal => (long)signal.Drain()), Is.Zero);
        bystanders.Concat(signals).ToList().ForEach(signal => signal.Dispose());
    }

    [Test]
    public void NoInterruptIsLostWhileTheVectorIsMaskedTakenAwayAndGivenBack()
    {
        using var signal = EventFd.Create();
        Set(SetTrigger, 1, signal);
        const int Interrupts = 200;
        bool done = false;
        Task trigger = Task.Run(() =>
        {
            for (int i = 0; i < Interrupts; i++)
            {
                Assert.That(Server.Interrupts.Trigger(IrqIndex.Msix, 0), Is.True);
                Wait.Until(() => signal.Drain() == 1, $"interrupt {i} arrives");
            }

            Volatile.Write(ref done, true);
        });
        while (!Volatile.Read(ref done) && !trigger.IsFaulted)
        {
            Set(RawIrq.None | RawIrq.Mask, 1);
            Set(RawIrq.None | RawIrq.Unmask, 1);
            Set(SetTrigger, 1);
            Set(SetTrigger, 1, signal);
        }

        Wait.For(trigger);
        Assert.That(signal.Drain(), Is.Zero);
    }

    [Test]
    public void NothingIsSignalledAfterTheReplyToADisable()
    {
        using var signal = EventFd.Create();
        using var stop = new CancellationTokenSource();
        Task trigger = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Server.Interrupts.Trigger(IrqIndex.Msix, 0);
            }
        });
        for (int round = 0; round < 100; round++)
        {
            Set(SetTrigger, 1, signal);
            Wait.Until(() => signal.Drain() > 0, "interrupts arrive");
            Set(RawIrq.None | RawIrq.Trigger, 0);
            signal.Drain();
            Client.ReadRegion(TestDevice.Small, 0, 4);
            Assert.That(signal.Drain(), Is.Zero);
        }

        stop.Cancel();
        Wait.For(trigger);
    }

    private void Set(uint flags, uint count, params EventFd[] signals) =>
        Assert.That(
            Client.Try(RawCommand.SetIrqs, RawPayload.IrqSet(RawIrq.Msix, flags, 0, count), signals),
            Is.EqualTo(Errno.None));
}
