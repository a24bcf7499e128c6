using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>What the host sees of a function, and what the EP guest hears of the host.</summary>
internal sealed class ConfigurationTests(DataPath dataPath) : PairFixture(dataPath)
{
    [Test]
    public void HostSeesWhatTheEpSetUp()
    {
        HostGuest host = BringUp();
        Assert.That(host.ReadConfig(0x00), Is.EqualTo(0xb500_104c));
        Assert.That(host.ReadConfig(0x08), Is.EqualTo(0xff00_0001));
        Assert.That(host.ReadConfig(0x2c), Is.EqualTo(0x1234_5678));
        Assert.That(host.ReadConfig(0x3c) >> 8 & 0xff, Is.EqualTo(1));
        uint msi = host.FindCapability(0x05);
        Assert.That(host.ReadConfig(msi) >> 17 & 7, Is.EqualTo(5), "32 vectors");
        uint msix = host.FindCapability(0x11);
        Assert.That(host.ReadConfig(msix) >> 16 & 0x7ff, Is.EqualTo(EpGuest.MsixVectors - 1));
        Assert.That(host.ReadConfig(msix + 4), Is.EqualTo(5));
        Assert.That(host.ReadConfig(msix + 8), Is.EqualTo(0x8005));
        Assert.That(host.FindCapability(0x10), Is.Not.Zero);
        Assert.That(host.ReadConfig(0x100) & 0xffff, Is.EqualTo(1), "AER");
    }

    [Test]
    public void ConfigurationSpaceIsReadInOneRequest()
    {
        HostGuest host = BringUp();
        byte[] all = host.Read(7, 0, 4096);
        for (int offset = 0; offset < 0x100; offset += 4)
        {
            Assert.That(BitConverter.ToUInt32(all, offset), Is.EqualTo(host.ReadConfig((ulong)offset)), $"{offset:x}");
        }
    }

    [Test]
    public void BarsAreSizedAndPlaced()
    {
        HostGuest host = BringUp();
        for (ulong bar = 0x10; bar < 0x28; bar += 4)
        {
            host.WriteConfig(bar, uint.MaxValue);
            Assert.That(host.ReadConfig(bar), Is.EqualTo(unchecked((uint)-EpGuest.BarSize)));
            host.WriteConfig(bar, 0xd000_0000 + (uint)(bar << 16));
            Assert.That(host.ReadConfig(bar), Is.EqualTo(0xd000_0000 + (uint)(bar << 16)));
        }

        Assert.That(
            Ep[EpDriver.Function(0, EpcRegister.FnBarBase + EpcRegister.FnBarAddressLo)], Is.EqualTo(0xd010_0000));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void PartsOfARegisterAreWrittenAlone(int length)
    {
        HostGuest host = BringUp();
        host.WriteConfig(0x10, 0xd1d2_0000);
        byte[] ones = Enumerable.Repeat((byte)0xa5, length).ToArray();
        host.Write(7, 0x14u - (uint)length, ones);
        uint expected = 0xd1d2_0000 & (0xffff_ffff >> (8 * length)) | (0xa5a5_a5a5 << (8 * (4 - length)));
        Assert.That(host.ReadConfig(0x10), Is.EqualTo(expected & unchecked((uint)-EpGuest.BarSize)));
    }

    [Test]
    public void FunctionsThatAreNotThereHaveNoSocket()
    {
        BringUp();
        Assert.That(Enumerable.Range(1, 7).Any(function => File.Exists($"{HostSocket}.{function}")), Is.False);
    }

    [Test]
    public void EightFunctionsAreServedAtTheirSockets()
    {
        for (int function = 0; function < 8; function++)
        {
            Ep.SetUp(function, (ushort)(0xb500 + function));
        }

        Ep.LinkUp();
        HostGuest[] hosts = [.. Enumerable.Range(0, 8).Select(ConnectHost)];
        Parallel.For(0, 8, function =>
        {
            HostGuest host = hosts[function];
            Assert.That(host.ReadConfig(0) >> 16, Is.EqualTo(0xb500 + function));
            for (uint round = 0; round < 50; round++)
            {
                host.Write32(2, round * 4, round + ((uint)function << 24));
                Assert.That(host.Read32(2, round * 4), Is.EqualTo(round + ((uint)function << 24)));
            }
        });
        for (int function = 0; function < 8; function++)
        {
            Assert.That(Ep.Load32(EpGuest.TargetOf(function, 2) + 4), Is.EqualTo(1 + ((uint)function << 24)));
            hosts[function].Store(0x1000, BitConverter.GetBytes(0x1111_0000 + function));
            Ep.MapOutbound(function, (ulong)(function * 0x1000), 0x1000, 0x1000, function);
            Assert.That(
                BitConverter.ToInt32(Ep.ReadWindow((ulong)(function * 0x1000), 4)), Is.EqualTo(0x1111_0000 + function));
            Protocol.Linux.EventFd[] signals = Own(hosts[function].EnableMsi());
            Assert.That(Ep.RaiseMsi(3, function), Is.Zero);
            WaitForSignal(signals[3], $"function {function} signals");
        }
    }

    [Test]
    public void BusMasterEnableIsAnEvent()
    {
        HostGuest host = BringUp();
        host.SetCommand(0);
        ClearEvents();
        Ep[EpcRegister.EventMask] = 0;
        Ep[EpDriver.Function(0, EpcRegister.FnEventMask)] = 0;
        Ep.Vectors[0].Drain();
        host.SetCommand(4);
        WaitForSignal(Ep.Vectors[0], "the event vector fires");
        Assert.That(Ep[EpcRegister.EventStatus] & EpcRegister.EventFunction, Is.Not.Zero);
        Assert.That(Ep[EpcRegister.EventFunctions], Is.EqualTo(1));
        Assert.That(
            Ep[EpDriver.Function(0, EpcRegister.FnEventStatus)],
            Is.EqualTo(EpcRegister.FnEventBusMaster | EpcRegister.FnEventCommand));
        Assert.That(Ep[EpDriver.Function(0, EpcRegister.FnCommand)], Is.EqualTo(4));
    }

    [Test]
    public void FunctionLevelResetClearsTheFunctionAndIsAnEvent()
    {
        HostGuest host = BringUp();
        Own(host.EnableMsi());
        ClearEvents();
        host.ResetFunction();
        Assert.That(host.ReadConfig(0x04) & 0xffff, Is.Zero, "Command");
        Assert.That(host.ReadConfig(host.FindCapability(0x05)) >> 16 & 1, Is.Zero, "MSI");
        Assert.That(
            Ep[EpDriver.Function(0, EpcRegister.FnEventStatus)] & EpcRegister.FnEventFlr, Is.Not.Zero);
        Assert.That(Ep.RaiseMsi(0), Is.EqualTo(EpcRegister.ResultNotEnabled));
        host.Enable();
        host.Write32(1, 0, 0x600d_cafe);
        Assert.That(host.Read32(1, 0), Is.EqualTo(0x600d_cafe));
        Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1)), Is.EqualTo(0x600d_cafe));
    }

    [Test]
    public void DeviceResetOfTheHostResetsTheFunctionOnly()
    {
        HostGuest host = BringUp();
        Own(host.EnableMsix(16));
        ClearEvents();
        host.ResetDevice();
        Assert.That(host.ReadConfig(0x04) & 0xffff, Is.Zero);
        Assert.That(
            Ep[EpDriver.Function(0, EpcRegister.FnEventStatus)] & EpcRegister.FnEventReset, Is.Not.Zero);
        Assert.That(Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusUp, Is.Not.Zero);
        Assert.That(Ep.RaiseMsix(0), Is.EqualTo(EpcRegister.ResultNotEnabled));
        host.Enable();
        host.WriteThrough(1, 8, 0x600d_cafe);
        Assert.That(Ep.Load32(EpGuest.TargetOf(0, 1) + 8), Is.EqualTo(0x600d_cafe));
    }

    [Test]
    public void DeviceResetOfTheControllerTakesTheLinkDown()
    {
        HostGuest host = BringUp();
        Ep.ResetDevice();
        host.ExpectAllOnes();
        Assert.That(File.Exists(HostSocket), Is.False);
        Assert.That(Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusUp, Is.Zero);
        Assert.That(Ep[EpDriver.Function(0, EpcRegister.FnControl)], Is.Zero);
    }

    private void ClearEvents() => Ep[EpDriver.Function(0, EpcRegister.FnEventStatus)] = uint.MaxValue;
}
