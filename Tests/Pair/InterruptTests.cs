using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;
using EpfTest.Tests.Support;
using EpfTest.Tests.VfioUser;

namespace EpfTest.Tests.Pair;

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
        host.Unmask(RawIrq.Intx);
        WaitForSignal(signal, "it still is");
        Assert.That(host.ReadConfig(0x04) >> 19 & 1, Is.EqualTo(1), "Interrupt Status");
        Ep.SetIntx(false);
        Settle(host);
        signal.Drain();
        host.Unmask(RawIrq.Intx);
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
            Ep[EpGuest.Function(0, EpcRegister.FnRaiseMsix)] = (uint)vector;
        }

        Ep.ExpectResult();
        WaitForSignal(signals[^1], "the last vector signals");
        Assert.That(signals.SkipLast(1).Select(signal => signal.Drain()), Is.All.EqualTo(1));
        Assert.That(Ep.RaiseMsix(2048), Is.EqualTo(EpcRegister.ResultInvalid));
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
