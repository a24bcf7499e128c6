using EpfTest.Kit;
using EpfTest.Protocol.Memory;

namespace EpfTest.Unit.Memory;

[TestFixture]
internal sealed class AccessGateTests
{
    [Test]
    public void DrainWaitsForThoseInsideAndNotForThoseWhoComeLater()
    {
        var gate = new AccessGate();
        int before = gate.Enter();
        Task drain = Task.Run(() => gate.Drain());
        Assert.That(drain.Wait(50), Is.False);

        int later = gate.Enter();
        gate.Leave(before);
        Assert.That(drain.Wait(Wait.Limit), Is.True);
        gate.Leave(later);
        gate.Drain();
    }

    [Test]
    [Category("Stress")]
    public void WhatWasReplacedIsNotUsedAfterADrain()
    {
        var gate = new AccessGate();
        var current = new StrongBox(true);
        bool stopped = false;
        int uses = 0;
        int violations = 0;
        Thread[] users = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            while (!Volatile.Read(ref stopped))
            {
                int turn = gate.Enter();
                StrongBox used = Volatile.Read(ref current);
                Thread.SpinWait(20);
                Interlocked.Add(ref violations, used.Valid ? 0 : 1);
                Interlocked.Increment(ref uses);
                gate.Leave(turn);
            }
        }))];
        Array.ForEach(users, user => user.Start());
        for (int i = 0; i < 1000 || Volatile.Read(ref uses) < 1000; i++)
        {
            StrongBox old = current;
            Volatile.Write(ref current, new StrongBox(true));
            gate.Drain();
            old.Valid = false;
        }

        Volatile.Write(ref stopped, true);
        Array.ForEach(users, user => user.Join());
        Assert.That(violations, Is.Zero);
    }

    private sealed class StrongBox(bool valid)
    {
        public volatile bool Valid = valid;
    }
}
