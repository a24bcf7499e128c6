using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair;

/// <summary>Interrupts to the host, and the host's to the EP.</summary>
internal sealed class InterruptTests(DataPath dataPath) : PairFixture(dataPath)
{
    [Test]
    public void IntxSignalsAgainWhileItIsAsserted()
    {
        HostGuest host = BringUp();
        EventFd signal = Own(host.EnableIntx());
        Ep.SetIntx(true);
        WaitForSignal(signal, "the pin is asserted");
        host.SetMask(RawIrq.Intx, 0, masked: false);
        WaitForSignal(signal, "it still is");
        Assert.That(host.ReadConfig(0x04) >> 19 & 1, Is.EqualTo(1), "Interrupt Status");
        Ep.SetIntx(false);
        Settle(host);
        signal.Drain();
        host.SetMask(RawIrq.Intx, 0, masked: false);
        Assert.That(signal.Drain(), Is.Zero);
        Assert.That(host.ReadConfig(0x04) >> 19 & 1, Is.Zero, "Interrupt Status");
        Ep.SetIntx(true);
        WaitForSignal(signal, "it is asserted again");
    }

    [Test]
    public void EachMsiSignalsItsVector()
    {
        HostGuest host = BringUp();
        EventFd[] signals = Own(host.EnableMsi());
        for (int vector = 0; vector < signals.Length; vector++)
        {
            Assert.That(Ep.RaiseMsi(vector), Is.Zero);
            WaitForSignal(signals[vector], $"vector {vector} signals");
        }

        Assert.That(signals.Select(signal => signal.Drain()), Is.All.Zero, "no other");
        Assert.That(Ep.RaiseMsi(32), Is.EqualTo(EpcRegister.ResultInvalid));
    }

    [Test]
    public void EachMsixSignalsItsVector()
    {
        HostGuest host = BringUp();
        EventFd[] signals = Own(host.EnableMsix());
        for (int vector = 0; vector < signals.Length; vector++)
        {
            Assert.That(Ep.RaiseMsix(vector), Is.Zero);
        }

        WaitForSignal(signals[^1], "the last vector signals");
        Assert.That(signals.SkipLast(1).Select(signal => signal.Drain()), Is.All.EqualTo(1));
        Assert.That(Ep.RaiseMsix(2048), Is.EqualTo(EpcRegister.ResultInvalid));
    }

    [Test]
    public void InterruptsFollowTheHostsSetUp()
    {
        const uint Vector = 5;
        HostGuest host = BringUp();
        EventFd signal = Own(host.EnableMsix())[Vector];
        for (int round = 0; round < 40; round++)
        {
            // The second is the one that may be signalled without the bridge.
            Raise(2);
            EventFd next = Own(EventFd.Create());
            host.SetEventFd(RawIrq.Msix, Vector, next);
            signal.Drain();
            EventFd before = signal;
            signal = next;
            Raise(2);
            Assert.That(before.Drain(), Is.Zero, "the host has another one now");

            host.SetMask(RawIrq.Msix, Vector, masked: true);
            Assert.That(Ep.RaiseMsix((int)Vector), Is.Zero);
            Settle(host);
            Assert.That(signal.Drain(), Is.Zero, "it is masked");
            host.SetMask(RawIrq.Msix, Vector, masked: false);
            WaitForSignal(signal, "what was pending comes");
            Raise(2);

            host.Disable(RawIrq.Msix);
            Assert.That(Ep.RaiseMsix((int)Vector), Is.Zero);
            Settle(host);
            Assert.That(signal.Drain(), Is.Zero, "it is disabled");
            host.SetEventFd(RawIrq.Msix, Vector, signal);
        }

        void Raise(int times)
        {
            for (int i = 0; i < times; i++)
            {
                Assert.That(Ep.RaiseMsix((int)Vector), Is.Zero);
                WaitForSignal(signal, $"interrupt {i} comes");
            }
        }
    }

    [Test]
    public void InterruptsAreCountedWhileTheEventFdIsExchanged()
    {
        const int Exchanges = 200;
        HostGuest host = BringUp();
        var signals = new List<EventFd> { Own(host.EnableMsix())[0] };
        using var stop = new CancellationTokenSource();
        Task<long> raised = Task.Factory.StartNew(
            () =>
            {
                long count = 0;
                for (; !stop.IsCancellationRequested; count++)
                {
                    Assert.That(Ep.RaiseMsix(0), Is.Zero);
                }

                return count;
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        var bystanders = new List<EventFd>();
        for (int i = 0; i < Exchanges; i++)
        {
            signals.Add(Own(EventFd.Create()));
            host.SetEventFd(RawIrq.Msix, 0, signals[^1]);

            // Takes the number of a descriptor that either process has just closed.
            bystanders.Add(Own(EventFd.Create()));
        }

        stop.Cancel();
        long count = Wait.For(raised);
        Settle(host);
        Assert.That(count, Is.Positive);
        Assert.That(signals.Sum(signal => (long)signal.Drain()), Is.EqualTo(count));
        Assert.That(bystanders.Sum(signal => (long)signal.Drain()), Is.Zero);
    }

    [Test]
    public void AHostOfBeforeIsNotSignalledAnyMore()
    {
        Ep.SetUp(0);
        EventFd[] before = [];
        for (int round = 0; round < 20; round++)
        {
            Ep.LinkUp();
            HostGuest host = ConnectHost();
            EventFd[] signals = Own(host.EnableMsix(4));
            for (int i = 0; i < 3; i++)
            {
                Assert.That(Ep.RaiseMsix(2), Is.Zero);
                WaitForSignal(signals[2], $"interrupt {i} comes");
            }

            Assert.That(before.Select(signal => signal.Drain()), Is.All.Zero);
            before = signals;
            if (round % 2 == 0)
            {
                // It keeps its device, and its eventfds.
                Ep.LinkDown();
            }
            else
            {
                host.Dispose();
                Wait.Until(() => Ep.RaiseMsix(2) == EpcRegister.ResultNotEnabled, "the function is reset");
                Array.ForEach(before, signal => signal.Drain());
            }
        }
    }

    [Test]
    public void WriteToTheMappedMsiAddressIsAnMsi()
    {
        HostGuest host = BringUp();
        EventFd[] signals = Own(host.EnableMsi(address: 0xfee0_1000, data: 0x4020));
        Ep.MapOutbound(0, 0x5000, 0x1000, 0xfee0_1000);
        for (uint vector = 0; vector < 32; vector++)
        {
            Ep.WriteWindow(0x5000, BitConverter.GetBytes(0x4020 + vector));
            WaitForSignal(signals[vector], $"vector {vector} signals");
        }

        Assert.That(signals.Select(signal => signal.Drain()), Is.All.Zero);
    }

    [Test]
    public void InterruptThatTheHostHasNotEnabledIsRefused()
    {
        BringUp();
        Assert.That(Ep.RaiseMsi(0), Is.EqualTo(EpcRegister.ResultNotEnabled));
        Assert.That(Ep.RaiseMsix(0), Is.EqualTo(EpcRegister.ResultNotEnabled));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void WriteOfTheHostToTheDoorbellFiresItsVector(bool posted)
    {
        Ep.SetUp(0);
        Ep.SetBar(0, 2, 0x1000, 0, (0, 0x1000, EpGuest.RegistersAt + EpcRegister.Doorbell));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        for (int round = 0; round < 20; round++)
        {
            if (posted)
            {
                host.Post(2, 0, [1, 0, 0, 0]);
            }
            else
            {
                host.Write32(2, 0, 1);
            }

            WaitForSignal(Ep.DoorbellVector, $"round {round} fires");
        }

        host.Write32(2, 4, 1);
        Assert.That(host.Read32(2, 4), Is.EqualTo(uint.MaxValue), "other registers are not the host's");
        Assert.That(Ep.DoorbellVector.Drain(), Is.Zero);
    }

    [Test]
    public void DataArrivesBeforeTheDoorbell()
    {
        const int Rounds = 300;
        Ep.SetUp(0);
        Ep.SetBar(0, 2, 0x1000, 0, (0, 0x1000, EpGuest.RegistersAt + EpcRegister.Doorbell));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        for (uint round = 1; round <= Rounds; round++)
        {
            host.Post(1, 0, BitConverter.GetBytes(round));
            host.Post(2, 0, [1, 0, 0, 0]);
            WaitForSignal(Ep.DoorbellVector, $"round {round} fires");
            Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(round));
        }
    }

    /// <summary>What the EP sent before has been carried out: a read of the host's waits behind it.</summary>
    private static void Settle(HostGuest host) => host.ReadConfig(0);
}
