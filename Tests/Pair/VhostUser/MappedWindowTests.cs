using EpfTest.EpcDevice;
using EpfTest.EpcDevice.Registers;
using EpfTest.EpfBridge;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Kit.VhostUser;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair.VhostUser;

/// <summary>
/// The mapped window between two raw guests: what the EP guest's processors reach follows what the host allows, and the
/// host is told that something has gone only when it has.
/// </summary>
[TestFixture]
internal sealed class MappedWindowTests
{
    private const ulong HostBuffer = 0x20_0000;
    private const ulong WindowAt = 0x50_0000_0000;
    private const ulong Size = 16 << 20;
    private const int WindowVector = 18;
    private const ushort MemoryOnly = 0x2;
    private const ushort MemoryAndMaster = 0x6;

    private static readonly byte[] s_data = [1, 2, 3, 4, 5, 6, 7, 8];

    private TemporaryFolder _folder = null!;
    private RecordingLogger _logger = null!;
    private EpcService _epc = null!;
    private RootPort _bridge = null!;
    private EpGuest _ep = null!;
    private WindowFrontEnd _window = null!;
    private HostGuest? _host;

    private HostGuest Host => _host!;

    [SetUp]
    public void StartPair()
    {
        _folder = new TemporaryFolder();
        _logger = new RecordingLogger();
        _epc = new EpcService(
            new EpcOptions
            {
                Socket = _folder.File("ep.sock"),
                Link = _folder.File("link.sock"),
                PciId = "1234:e9c0",
                Window = _folder.File("window.sock"),
                WindowSize = "16M",
            },
            _logger,
            reason => Assert.Fail(reason));
        _ep = new EpGuest(_folder.File("ep.sock"));
        _window = WindowFrontEnd.Start(_folder.File("window.sock"));
    }

    [TearDown]
    public void StopPair()
    {
        Assert.That(_window.Fault, Is.Null);
        _host?.Dispose();
        _host = null;
        _ep.Dispose();
        _window.Dispose();
        _bridge?.Dispose();
        _epc.Dispose();
        _folder.Dispose();
        if (TestContext.CurrentContext.Result.FailCount > 0)
        {
            TestContext.Out.WriteLine(string.Join('\n', _logger.Lines.TakeLast(60)));
        }

        _logger.Dispose();
    }

    [Test]
    public void ProcessorsReachTheHostsMemoryUntilItIsUnmapped()
    {
        BringUp();
        Assert.That(Map(3, 0x2000, 0x3000, HostBuffer), Is.EqualTo(EpcRegister.ResultOk));
        Host.Store(HostBuffer + 0x2ff8, s_data);
        Assert.That(_window.Load(0x4ff8, 8), Is.EqualTo(s_data));
        Assert.That(_window.Store(0x2000, s_data), Is.True);
        Assert.That(Host.Load(HostBuffer, 8), Is.EqualTo(s_data));
        Assert.That(Unmap(3), Is.EqualTo(EpcRegister.ResultOk));
        Assert.That(_window.MappingCount, Is.Zero);
    }

    [Test]
    public void RegistersTellTheWindow()
    {
        Assert.That(_ep[EpcRegister.FeaturesLo] & EpcRegister.FeatureMappedWindow, Is.Not.Zero);
        Assert.That(_ep[EpcRegister.WindowSizeLo], Is.EqualTo((uint)Size));
        Assert.That(_ep[EpcRegister.WindowSizeHi], Is.Zero);
        byte[] config = _window.Call(24, [0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, .. new byte[8]])[12..];
        Assert.That(_ep[EpcRegister.WindowIdLo], Is.EqualTo(BitConverter.ToUInt32(config)));
        Assert.That(_ep[EpcRegister.WindowIdHi], Is.EqualTo(BitConverter.ToUInt32(config, 4)));
        Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusReady, Is.Not.Zero);
        _window.ResetDevice();
        Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusReady, Is.Zero);
    }

    [TestCase(0x1004u, 0x1000u, HostBuffer, EpcRegister.ResultInvalid)]
    [TestCase(0x1000u, 0x1004u, HostBuffer, EpcRegister.ResultInvalid)]
    [TestCase(0x1000u, 0x1000u, HostBuffer + 4, EpcRegister.ResultInvalid)]
    [TestCase(0x1000000u, 0x1000u, HostBuffer, EpcRegister.ResultInvalid)]
    [TestCase(0xfff000u, 0x2000u, HostBuffer, EpcRegister.ResultInvalid)]
    [TestCase(0x4000u, 0x1000u, HostBuffer, EpcRegister.ResultOverlap)]
    [TestCase(0x1000u, 0x1000u, GuestClient.PrivateStart, EpcRegister.ResultNotMappable)]
    [TestCase(0x1000u, 0x1000u, 0x8000_0000u, EpcRegister.ResultNotMappable)]
    [TestCase(0x8000u, 0x2000u, GuestClient.SharedSize - 0x1000u, EpcRegister.ResultNotMappable)]
    public void WhatCannotBeMappedSaysWhy(uint offset, uint size, ulong address, uint result)
    {
        BringUp();
        Host.MapPrivateMemory();
        Host.ReadConfig(0);
        Assert.That(Map(0, 0x4000, 0x2000, HostBuffer), Is.EqualTo(EpcRegister.ResultOk));
        Assert.That(Map(1, offset, size, address), Is.EqualTo(result));
        Assert.That(_window.MappingCount, Is.EqualTo(1));
    }

    [Test]
    public void DriverIsToldWhenNoMemoryOfTheHostCanBeMapped()
    {
        BringUp();
        for (int round = 0; round < 3; round++)
        {
            Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusUnshared, Is.Zero);
            Host.Unmap(0, GuestClient.SharedSize);
            Host.ReadConfig(0);
            Assert.That(
                _ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusUnshared, Is.Zero, "there is no memory");
            Host.MapPrivateMemory();
            Host.ReadConfig(0);
            Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusUnshared, Is.Not.Zero);
            Host.MapMemory();
            Host.Unmap(GuestClient.PrivateStart, GuestClient.PrivateSize);
            Host.ReadConfig(0);
        }
    }

    /// <summary>QEMU maps whole huge pages, and a translation is seldom that.</summary>
    [Test]
    public void DriverIsToldWhenTheHostsMemoryIsInHugePages()
    {
        using var pages = new HugePages(1);
        using var memory = Memfd.Create(HugePages.Size, huge: true);
        BringUp();
        Host.MapFile(memory.Descriptor, GuestClient.PrivateStart, (ulong)HugePages.Size);
        Host.ReadConfig(0);
        Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusUnshared, Is.Zero, "some can be mapped");
        Assert.That(Map(0, 0, 0x1000, GuestClient.PrivateStart), Is.EqualTo(EpcRegister.ResultNotMappable));
        Host.Unmap(0, GuestClient.SharedSize);
        Host.ReadConfig(0);
        Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusUnshared, Is.Not.Zero);
        Assert.That(_logger.Lines, Has.Some.Contains("hugetlb=on"));
    }

    [Test]
    public void NothingIsMappedBeforeTheWindowIsEnabledAndItsDriverReady()
    {
        BringUp();
        _ep[EpcRegister.WindowControl] = 0;
        Assert.That(Map(0, 0, 0x1000, HostBuffer), Is.EqualTo(EpcRegister.ResultNotMappable));
        _ep[EpcRegister.WindowControl] = EpcRegister.WindowControlEnable;
        _window.ResetDevice();
        Assert.That(Map(0, 0, 0x1000, HostBuffer), Is.EqualTo(EpcRegister.ResultNotMappable));
        Assert.That(_window.Requests, Is.Zero);
        _window.DriverReady();
        Assert.That(Map(0, 0, 0x1000, HostBuffer), Is.EqualTo(EpcRegister.ResultOk));
    }

    [Test]
    public void ARangeOfSeveralFilesOffsetsIsSeveralMappings()
    {
        BringUp();
        Host.Map(0x4000_0000, 0x2000, 0x80_0000);
        Host.Map(0x4000_2000, 0x1000, 0x40_0000);
        Host.ReadConfig(0);
        Assert.That(Map(0, 0x1000, 0x3000, 0x4000_0000), Is.EqualTo(EpcRegister.ResultOk));
        Assert.That(_window.TakeLog(), Is.EqualTo("map 1000+2000 to 800000, map 3000+1000 to 400000"));
        Assert.That(Unmap(0), Is.EqualTo(EpcRegister.ResultOk));
        Assert.That(_window.MappingCount, Is.Zero);
    }

    [Test]
    public void ADriverIsNotKeptWaitingInARegister()
    {
        BringUp();
        _window.Answering.Reset();
        _ep.Vectors[WindowVector].Drain();
        Stage(0, 0, 0x1000, HostBuffer);
        Assert.That(_ep[Outbound(0, EpcRegister.OutboundResult)], Is.EqualTo(EpcRegister.ResultPending));
        Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusBusy, Is.Not.Zero);
        Assert.That(_ep.Vectors[WindowVector].Drain(), Is.Zero);
        _window.Answering.Set();
        Wait.Until(() => _ep.Vectors[WindowVector].Drain() > 0, "the interrupt comes");
        Assert.That(_ep[Outbound(0, EpcRegister.OutboundResult)], Is.EqualTo(EpcRegister.ResultOk));
        Wait.Until(() => (_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusBusy) == 0, "it is idle");
    }

    [Test]
    public void WhatQemuRefusesIsNotMappableAndMayBeTriedAgain()
    {
        BringUp();
        _window.Refuses = true;
        Assert.That(Map(0, 0, 0x1000, HostBuffer), Is.EqualTo(EpcRegister.ResultNotMappable));
        Assert.That(_ep[Outbound(0, EpcRegister.OutboundControl)], Is.Zero);
        _window.Refuses = false;
        Assert.That(Map(0, 0, 0x1000, HostBuffer), Is.EqualTo(EpcRegister.ResultOk));
    }

    [Test]
    public void BusMasterEnableTakesTheMappingAndGivesItBack()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        for (int round = 0; round < 5; round++)
        {
            Host.SetCommand(MemoryOnly);
            Assert.That(_window.Load(0, 8), Is.Null, "once the host's write is over");
            Host.SetCommand(MemoryAndMaster);
            Assert.That(_window.Load(0, 8), Is.Not.Null, "likewise");
        }
    }

    [Test]
    public void HostsWriteIsNotOverBeforeTheMappingHasGone()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        _window.Answering.Reset();
        int before = _window.Requests;
        Task write = Task.Run(() => Host.SetCommand(MemoryOnly));
        Wait.Until(() => _window.Requests > before, "QEMU is asked");
        Assert.That(write.IsCompleted, Is.False);
        Assert.That(_window.Load(0, 8), Is.Not.Null);
        _window.Answering.Set();
        Wait.For(write);
        Assert.That(_window.Load(0, 8), Is.Null);
    }

    [Test]
    public void UnmappingTheHostsMemoryTakesTheMapping()
    {
        BringUp();
        Host.Map(0x4000_0000, 0x2000, 0x80_0000);
        Host.ReadConfig(0);
        Assert.That(Map(0, 0, 0x2000, 0x4000_0000), Is.EqualTo(EpcRegister.ResultOk));
        Assert.That(Map(1, 0x8000, 0x1000, HostBuffer), Is.EqualTo(EpcRegister.ResultOk));
        Host.Unmap(0x4000_0000, 0x2000);
        Assert.That(_window.Load(0, 8), Is.Null, "once the host's unmap is over");
        Assert.That(_window.Load(0x8000, 8), Is.Not.Null, "other memory stays");
    }

    [Test]
    public void FunctionLevelResetTakesTheMapping()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        uint express = Host.FindCapability(0x10);
        Host.WriteConfig16(express + 8, 0x8000);
        Assert.That(_window.Load(0, 8), Is.Null);
        Host.SetCommand(MemoryAndMaster);
        Assert.That(_window.Load(0, 8), Is.Not.Null);
        Host.ResetDevice();
        Assert.That(_window.Load(0, 8), Is.Null);
    }

    [Test]
    public void HotResetTakesTheMappingUntilTheDriverHasSeenItAndTheHostEnablesBusMastering()
    {
        BringUp();
        _ep[EpDriver.Function(0, EpcRegister.FnEventMask)] = 0;
        Map(0, 0, 0x1000, HostBuffer);
        Host.ResetDevice();
        Assert.That(_window.Load(0, 8), Is.Null);
        Host.SetCommand(MemoryAndMaster);
        Assert.That(_window.Load(0, 8), Is.Null, "the driver does not know of the reset yet");
        _ep[EpDriver.Function(0, EpcRegister.FnEventStatus)] = EpcRegister.FnEventReset;
        WaitUntilIdle();
        Assert.That(_window.Load(0, 8), Is.Not.Null);
    }

    [Test]
    public void LinkDownTakesTheMappingAndLinkUpGivesItBack()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        _ep[EpcRegister.WindowControl] = 0;
        WaitUntilIdle();
        Assert.That(_window.Load(0, 8), Is.Null);
        _ep.LinkDown();
        _ep[EpcRegister.WindowControl] = EpcRegister.WindowControlEnable;
        WaitUntilIdle();
        Assert.That(_window.Load(0, 8), Is.Null);
        Host.ExpectAllOnes();
        Host.Dispose();
        _ep.LinkUp();
        ConnectHost();
        Assert.That(_window.Load(0, 8), Is.Not.Null);
    }

    [Test]
    public void ADriverThatTakesTheLinkDownAtOnceIsNotHeldUpByItsOwnQemu()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        _window.Answering.Reset();
        _ep.LinkDown();
        Assert.That(_ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusUp, Is.Zero);
        Assert.That(_ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusPerst, Is.Zero, "the bridge is still there");
        Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusBusy, Is.Not.Zero);
        _window.Answering.Set();
        WaitUntilIdle();
        Assert.That(_window.Load(0, 8), Is.Null);
    }

    [Test]
    public void ABridgeThatGoesTakesTheMapping()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        _bridge.Dispose();
        Wait.Until(() => _window.Load(0, 8) is null, "nothing is mapped");
        WaitUntilIdle();
    }

    [Test]
    public void ResetOfTheControllerRemovesTranslationsAndDisablesTheWindow()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        _ep.ResetDevice();
        Wait.Until(() => _window.MappingCount == 0, "nothing is mapped");
        Assert.That(_ep[EpcRegister.WindowControl], Is.Zero);
        Assert.That(_ep[Outbound(0, EpcRegister.OutboundControl)], Is.Zero);
        Assert.That(_ep[EpcRegister.WindowAddressHi], Is.Zero);
    }

    [Test]
    public void AWindowThatWasResetIsFilledAnew()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        _window.ResetDevice();
        WaitUntilIdle();
        _window.DriverReady();
        WaitUntilIdle();
        Assert.That(_window.Load(0, 8), Is.Not.Null);
        Assert.That(Unmap(0), Is.EqualTo(EpcRegister.ResultOk));
        Assert.That(_window.MappingCount, Is.Zero);
    }

    [Test]
    public void AResetUnderAChangeIsTheEndOfIt()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        _window.Answering.Reset();
        int before = _window.Requests;
        Task write = Task.Run(() => Host.SetCommand(MemoryOnly));
        Wait.Until(() => _window.Requests > before, "QEMU is asked");

        // QEMU stops the device before it takes mappings away, and answers what came before. There is more to do then.
        Stage(1, 0x1000, 0x1000, HostBuffer);
        _window.Order(18, new byte[8]);
        Assert.That(_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusReady, Is.Zero);
        _window.Answering.Set();
        Wait.For(write);
        Assert.That(Result(1), Is.EqualTo(EpcRegister.ResultOk));
        _window.ResetDevice();
        _window.DriverReady();
        Host.SetCommand(MemoryAndMaster);
        Assert.That(_window.MappingCount, Is.EqualTo(2));
    }

    [Test]
    public void AnotherFrontEndGetsWhatStands()
    {
        BringUp();
        Map(0, 0, 0x1000, HostBuffer);
        _window.Dispose();
        Wait.Until(
            () => (_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusReady) == 0, "the window is detached");
        _window = WindowFrontEnd.Start(_folder.File("window.sock"));
        WaitUntilIdle();
        Assert.That(_window.Load(0, 8), Is.Not.Null);
    }

    [Test]
    public void DmaEngineGoesThroughTheMappedWindow()
    {
        BringUp();
        Assert.That(Map(0, 0x3000, 0x2000, HostBuffer), Is.EqualTo(EpcRegister.ResultOk));
        Host.Store(HostBuffer + 0x800, s_data);
        var channel = new EpDmaChannel(_ep, 0);
        channel.Run(WindowAt + 0x3800, 0x80_0000, 8, EpcRegister.DescFlagInterrupt);
        Assert.That(_ep.Load(0x80_0000, 8), Is.EqualTo(s_data));
        channel.Run(0x80_0000, WindowAt + 0x4000, 8, EpcRegister.DescFlagInterrupt);
        Assert.That(Host.Load(HostBuffer + 0x1000, 8), Is.EqualTo(s_data));
    }

    [Test]
    public void DmaEngineUsesATranslationFromItsResultOn()
    {
        BringUp();
        var channel = new EpDmaChannel(_ep, 0);
        _window.Answering.Reset();
        Stage(0, 0, 0x1000, HostBuffer);
        Assert.That(channel.Run(WindowAt, 0x80_0000, 8, 0), Is.EqualTo(EpcRegister.DescStatusSourceError), "pending");
        _window.Answering.Set();
        Assert.That(Result(0), Is.EqualTo(EpcRegister.ResultOk));
        Assert.That(channel.Run(WindowAt, 0x80_0000, 8, 0), Is.EqualTo(EpcRegister.DescStatusDone));
        Assert.That(Unmap(0), Is.EqualTo(EpcRegister.ResultOk));
        Assert.That(channel.Run(WindowAt, 0x80_0000, 8, 0), Is.EqualTo(EpcRegister.DescStatusSourceError), "cleared");
    }

    [Test]
    public void AFailedTranslationHasGoneBeforeItsResultIsRead()
    {
        BringUp();
        _window.Refuses = true;
        _ep.Vectors[WindowVector].Drain();
        Stage(0, 0, 0x1000, HostBuffer);
        Wait.Until(() => _ep.Vectors[WindowVector].Drain() > 0, "the interrupt comes");
        Assert.That(_ep[Outbound(0, EpcRegister.OutboundControl)], Is.Zero);
        var channel = new EpDmaChannel(_ep, 0);
        Assert.That(channel.Run(WindowAt, 0x80_0000, 8, 0), Is.EqualTo(EpcRegister.DescStatusSourceError));
        Assert.That(Result(0), Is.EqualTo(EpcRegister.ResultNotMappable));
    }

    [Test]
    public void MappingsComeAndGoUnderTheHostsFeet()
    {
        BringUp();
        bool stop = false;
        Task host = Task.Run(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                Host.SetCommand(MemoryOnly);
                Assert.That(_window.MappingCount, Is.Zero);
                Host.SetCommand(MemoryAndMaster);
                Host.Map(0x4000_0000, 0x1000, 0x80_0000);
                Host.Unmap(0x4000_0000, 0x1000);
            }
        });
        for (int round = 0; round < 200; round++)
        {
            int entry = round % 8;
            uint result = Map(entry, (uint)entry * 0x1000, 0x1000, round % 2 == 0 ? HostBuffer : 0x4000_0000);
            Assert.That(result, Is.EqualTo(EpcRegister.ResultOk).Or.EqualTo(EpcRegister.ResultNotMappable));
            Assert.That(Unmap(entry), Is.EqualTo(EpcRegister.ResultOk));
        }

        Volatile.Write(ref stop, true);
        Wait.For(host);
        WaitUntilIdle();
        Assert.That(_window.MappingCount, Is.Zero);
    }

    private static int Outbound(int entry, int register) =>
        EpcRegister.OutboundBase + (entry * EpcRegister.OutboundStride) + register;

    private void BringUp(DataPath dataPath = DataPath.Direct)
    {
        _bridge = new RootPort(
            new BridgeOptions
            {
                Socket = _folder.File("host.sock"),
                Link = _folder.File("link.sock"),
                DataPath = dataPath,
            },
            _logger);
        _ep[EpcRegister.WindowAddressLo] = unchecked((uint)WindowAt);
        _ep[EpcRegister.WindowAddressHi] = (uint)(WindowAt >> 32);
        _ep[EpcRegister.WindowControl] = EpcRegister.WindowControlEnable;
        _ep.SetUp(0);
        _ep.LinkUp();
        ConnectHost();
    }

    private void ConnectHost()
    {
        _host = new HostGuest(_folder.File("host.sock"));
        _host.Enable();
    }

    private uint Map(int entry, uint offset, uint size, ulong address)
    {
        Stage(entry, offset, size, address);
        return Result(entry);
    }

    private void Stage(int entry, uint offset, uint size, ulong address)
    {
        _ep[Outbound(entry, EpcRegister.OutboundOffsetLo)] = offset;
        _ep[Outbound(entry, EpcRegister.OutboundSizeLo)] = size;
        _ep[Outbound(entry, EpcRegister.OutboundAddressLo)] = (uint)address;
        _ep[Outbound(entry, EpcRegister.OutboundAddressHi)] = (uint)(address >> 32);
        _ep[Outbound(entry, EpcRegister.OutboundControl)] =
            EpcRegister.OutboundControlEnable | EpcRegister.OutboundControlMapped;
    }

    private uint Unmap(int entry)
    {
        _ep[Outbound(entry, EpcRegister.OutboundControl)] = EpcRegister.OutboundControlMapped;
        return Result(entry);
    }

    private uint Result(int entry)
    {
        uint result = EpcRegister.ResultPending;
        Wait.Until(
            () => (result = _ep[Outbound(entry, EpcRegister.OutboundResult)]) != EpcRegister.ResultPending,
            "a result is there");
        return result;
    }

    private void WaitUntilIdle() =>
        Wait.Until(() => (_ep[EpcRegister.WindowStatus] & EpcRegister.WindowStatusBusy) == 0, "the window is idle");
}
