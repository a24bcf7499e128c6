using EpfTest.EpcDevice;
using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpcDevice;

/// <summary>The host's accesses to BARs.</summary>
[TestFixture]
internal sealed class InboundTests
{
    private const ulong Ram = FakeGuest.RamAddress;
    private const int DoorbellVector = 17;

    private static readonly byte[] s_eight = [1, 2, 3, 4, 5, 6, 7, 8];

    private EpcRig _rig = null!;

    [SetUp]
    public void CreateRig()
    {
        _rig = EpcRig.WithFunction();
        _rig.SetBar(0, 1 << 16);
        _rig.BringUp();
    }

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    [Test]
    public void AccessesReachTheGuestsMemory()
    {
        _rig.SetBar(0, 1 << 16, 0, EpcRig.Inbound(0, 1 << 16, Ram + 0x1000));
        Assert.That(_rig.HostFunction.WriteBar(0, 0x20, s_eight), Is.EqualTo(RequestStatus.Success));
        Assert.That(_rig.Guest.Read(Ram + 0x1020, 8), Is.EqualTo(s_eight));

        byte[] read = new byte[4];
        Assert.That(_rig.HostFunction.ReadBar(0, 0x22, read), Is.EqualTo(RequestStatus.Success));
        Assert.That(read, Is.EqualTo(s_eight[2..6]));
    }

    [Test]
    public void SubRangesLeadToDifferentPlacesAndAccessesMayCrossThem()
    {
        _rig.SetBar(
            0, 1 << 16, 0,
            EpcRig.Inbound(0x1000, 0x1000, Ram),
            EpcRig.Inbound(0, 0x1000, Ram + 0x8000),
            EpcRig.Inbound(0x3000, 0x10, FakeGuest.MessageAddress));
        Assert.That(_rig.HostFunction.WriteBar(0, 0xffc, s_eight), Is.EqualTo(RequestStatus.Success));
        Assert.That(_rig.Guest.Read(Ram + 0x8ffc, 4), Is.EqualTo(s_eight[..4]));
        Assert.That(_rig.Guest.Read(Ram, 4), Is.EqualTo(s_eight[4..]));

        Assert.That(_rig.HostFunction.WriteBar(0, 0x3008, s_eight), Is.EqualTo(RequestStatus.Success));
        Assert.That(_rig.Guest.MessageMemory[8..16], Is.EqualTo(s_eight));
        byte[] read = new byte[8];
        Assert.That(_rig.HostFunction.ReadBar(0, 0x3008, read), Is.EqualTo(RequestStatus.Success));
        Assert.That(read, Is.EqualTo(s_eight));
    }

    [TestCase(0x1ff8ul)]
    [TestCase(0x1ffcul)]
    [TestCase(0x0ffcul)]
    [TestCase(0x4000ul)]
    [TestCase(0xfffcul)]
    public void WhatTouchesAHoleIsUnsupportedAndWritesNothing(ulong offset)
    {
        _rig.SetBar(0, 1 << 16, 0, EpcRig.Inbound(0x1000, 0xffc, Ram));
        byte[] before = _rig.Guest.Read(Ram, 0x2000);
        Assert.That(_rig.HostFunction.WriteBar(0, offset, s_eight), Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(_rig.HostFunction.ReadBar(0, offset, new byte[8]), Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(_rig.Guest.Read(Ram, 0x2000), Is.EqualTo(before));
    }

    [Test]
    public void TargetsWithoutMemoryAreUnsupported()
    {
        _rig.SetBar(0, 1 << 16, 0, EpcRig.Inbound(0, 0x1000, 0x7_0000_0000));
        Assert.That(_rig.HostFunction.ReadBar(0, 0, new byte[4]), Is.EqualTo(RequestStatus.UnsupportedRequest));
    }

    [Test]
    public void TheDoorbellIsTheOnlyRegisterThatTheHostReaches()
    {
        _rig.SetBar(0, 1 << 16, 0, EpcRig.Inbound(0, 1 << 16, EpcRig.RegistersAddress));
        Assert.That(
            _rig.HostFunction.WriteBar(0, EpcRegister.Doorbell, new byte[4]), Is.EqualTo(RequestStatus.Success));
        Assert.That(_rig.Guest.Fired(DoorbellVector), Is.EqualTo(1));

        Assert.That(
            _rig.HostFunction.WriteBar(0, EpcRegister.Doorbell, new byte[2]),
            Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(
            _rig.HostFunction.WriteBar(0, EpcRegister.Doorbell, new byte[8]),
            Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(
            _rig.HostFunction.WriteBar(0, EpcRegister.Scratch, s_eight.AsSpan(0, 4)),
            Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(
            _rig.HostFunction.ReadBar(0, EpcRegister.Id, new byte[4]), Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(_rig.Read(EpcRegister.Scratch), Is.Zero);
        Assert.That(_rig.Guest.Fired(DoorbellVector), Is.Zero);
    }

    [TestCase(EpcRig.WindowAddress)]
    [TestCase(EpcRig.MsixAddress)]
    public void TheOtherBarsOfTheControllerAreUnsupported(ulong target)
    {
        _rig.SetBar(0, 1 << 16, 0, EpcRig.Inbound(0, 1 << 16, target));
        Assert.That(_rig.HostFunction.WriteBar(0, 0, new byte[4]), Is.EqualTo(RequestStatus.UnsupportedRequest));
        Assert.That(_rig.HostFunction.ReadBar(0, 0, new byte[4]), Is.EqualTo(RequestStatus.UnsupportedRequest));
    }

    [Test]
    public void TheDoorbellMovesWithTheControllersBar()
    {
        _rig.SetBar(0, 1 << 16, 0, EpcRig.Inbound(0, 1 << 16, 0xf100_0000));
        Assert.That(
            _rig.HostFunction.WriteBar(0, EpcRegister.Doorbell, new byte[4]),
            Is.EqualTo(RequestStatus.UnsupportedRequest));
        _rig.WriteConfig(0x10, 0xf100_0000);
        Assert.That(
            _rig.HostFunction.WriteBar(0, EpcRegister.Doorbell, new byte[4]), Is.EqualTo(RequestStatus.Success));
    }

    [Test]
    public void OnlySharedPartsAreResolved()
    {
        _rig.SetBar(
            0, 1 << 16, 0,
            EpcRig.Inbound(0x0000, 0x1000, Ram + 0x5000),
            EpcRig.Inbound(0x1000, 0x1000, FakeGuest.MessageAddress),
            EpcRig.Inbound(0x2000, 0x1000, EpcRig.RegistersAddress),
            EpcRig.Inbound(0x3000, 0x2000, Ram - 0x1000));
        IReadOnlyList<InboundMapping> mappings = _rig.HostFunction.ResolveInbound(0);

        Assert.That(
            mappings.Select(mapping => (mapping.BarOffset, mapping.Size, mapping.FileOffset)),
            Is.EqualTo(new[] { (0ul, 0x1000ul, 0x5000ul), (0x4000ul, 0x1000ul, 0ul) }));
        Assert.That(mappings[0].Access, Is.EqualTo(DmaAccess.Read | DmaAccess.Write));
    }

    [Test]
    public void MemoryThatGoesIsTakenFromTheBridgeFirst()
    {
        _rig.SetBar(0, 1 << 16, 0, EpcRig.Inbound(0, 0x1000, Ram));
        _rig.Host.TakeLog();
        _rig.Unmap(Ram, FakeGuest.RamSize);

        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("changing 0.0, changed 0.0"));
        Assert.That(_rig.HostFunction.ResolveInbound(0), Is.Empty);
        Assert.That(_rig.HostFunction.ReadBar(0, 0, new byte[4]), Is.EqualTo(RequestStatus.UnsupportedRequest));
    }

    [Test]
    public void ACommitDoesNotWaitForMemoryThatItsOwnThreadHasToAnswerFor()
    {
        _rig.SetBar(0, 1 << 16, 0, EpcRig.Inbound(0, 0x1000, FakeGuest.MessageAddress));
        using var inside = new ManualResetEventSlim();
        using var answered = new ManualResetEventSlim();
        _rig.Guest.DuringMessage = () =>
        {
            inside.Set();
            Assert.That(answered.Wait(EpcRig.Limit), Is.True);
        };
        Task<RequestStatus> access = Task.Run(() => _rig.HostFunction.ReadBar(0, 0, new byte[4]));
        Assert.That(inside.Wait(EpcRig.Limit), Is.True);

        // This is the thread that would receive the answer.
        Assert.That(_rig.ClearBar(0), Is.EqualTo(CommitResult.Ok));
        answered.Set();
        Assert.That(access.Result, Is.EqualTo(RequestStatus.Success));
    }

    [Test]
    public void WhileTheControllerIsNoBusMasterNothingReachesTheGuest()
    {
        using EpcRig rig = EpcRig.WithFunction();
        rig.SetBar(0, 4096, 0, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress));
        rig.BringUp();
        rig.Guest.Write(FakeGuest.RamAddress, [1, 2, 3, 4]);
        rig.Host.TakeLog();

        rig.WriteConfig(PciRegister.Command, (uint)PciCommand.MemorySpaceEnable);
        Assert.That(rig.Host.TakeLog(), Is.EqualTo("changing 0.0, changed 0.0"));
        Assert.That(rig.HostFunction.ResolveInbound(0), Is.Empty);
        Assert.That(rig.HostFunction.ReadBar(0, 0, new byte[4]), Is.EqualTo(RequestStatus.NotBusMaster));
        Assert.That(rig.HostFunction.WriteBar(0, 0, new byte[4]), Is.EqualTo(RequestStatus.NotBusMaster));
        rig.Write(EpcRegister.Doorbell, 0);
        Assert.That(rig.Guest.Fired(DoorbellVector), Is.Zero);

        rig.WriteConfig(PciRegister.Command, (uint)(PciCommand.MemorySpaceEnable | PciCommand.BusMasterEnable));
        byte[] read = new byte[4];
        Assert.That(rig.HostFunction.ReadBar(0, 0, read), Is.EqualTo(RequestStatus.Success));
        Assert.That(read, Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
        Assert.That(rig.HostFunction.ResolveInbound(0), Has.Count.EqualTo(1));
    }
}
