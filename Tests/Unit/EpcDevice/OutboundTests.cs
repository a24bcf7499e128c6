using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpcDevice;

/// <summary>Outbound translations and the EP guest's accesses through them.</summary>
[TestFixture]
internal sealed class OutboundTests
{
    private const ulong Host = FakeHostLink.MemoryAddress;

    private static readonly byte[] s_ones4 = [0xff, 0xff, 0xff, 0xff];

    private EpcRig _rig = null!;

    [SetUp]
    public void CreateRig()
    {
        _rig = EpcRig.WithHost();
        TestContext.CurrentContext.Random.NextBytes(_rig.Host.Memory);
    }

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    [Test]
    public void AccessesGoWhereTheTranslationLeads()
    {
        Assert.That(
            _rig.MapOutbound(1, 0x3fff_f003, 0xffd, Host + 0x1001), Is.EqualTo(CommitResult.Ok), "up to the end");
        Assert.That(_rig.ReadWindow(0x3fff_f003, 8), Is.EqualTo(_rig.Host.Memory[0x1001..0x1009]));
        _rig.WriteWindow(0x3fff_f010, 1, 2, 3, 4);
        Assert.That(_rig.Host.Memory[0x100e..0x1012], Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
    }

    [Test]
    public void AccessesAcrossEntriesAndHolesAreSplit()
    {
        _rig.UnmapOutbound(0);
        _rig.MapOutbound(7, 0, 4, Host);
        _rig.MapOutbound(3, 4, 2, Host + 0x100);
        _rig.MapOutbound(5, 8, 4, Host + 0x200);
        byte[] memory = _rig.Host.Memory;

        Assert.That(
            _rig.ReadWindow(2, 8),
            Is.EqualTo(new byte[]
            {
                memory[2], memory[3], memory[0x100], memory[0x101], 0xff, 0xff, memory[0x200], memory[0x201],
            }));
        _rig.WriteWindow(2, 1, 2, 3, 4, 5, 6, 7, 8);
        Assert.That(
            new[] { memory[2], memory[3], memory[0x100], memory[0x101], memory[0x200], memory[0x201] },
            Is.EqualTo(new byte[] { 1, 2, 3, 4, 7, 8 }));
    }

    [TestCase(0u, 0u, 0ul)]
    [TestCase(0x4000_0000u, 1u, 0ul)]
    [TestCase(0x3fff_ffffu, 2u, 0ul)]
    [TestCase(0u, 4096u, ulong.MaxValue - 4094)]
    public void ImpossibleTranslationsAreInvalid(uint offset, uint size, ulong address) =>
        Assert.That(_rig.MapOutbound(1, offset, size, address), Is.EqualTo(CommitResult.Invalid));

    [Test]
    public void AFunctionThatIsNotThereIsInvalid() =>
        Assert.That(_rig.MapOutbound(1, 2 << 20, 4096, Host, function: 8), Is.EqualTo(CommitResult.Invalid));

    [Test]
    public void OverlapsAreRefusedAndTheOldTranslationStays()
    {
        Assert.That(_rig.MapOutbound(1, (1 << 20) - 1, 1, Host), Is.EqualTo(CommitResult.Overlap));
        Assert.That(_rig.MapOutbound(1, 1 << 20, 4096, Host), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.MapOutbound(1, 0, 4096, Host), Is.EqualTo(CommitResult.Overlap));
        Assert.That(_rig.ReadWindow(1 << 20, 4), Is.EqualTo(_rig.Host.Memory[..4]));
        Assert.That(_rig.MapOutbound(0, 0, 1 << 20, Host + 16), Is.EqualTo(CommitResult.Ok), "it may replace itself");
        Assert.That(_rig.ReadWindow(0, 4), Is.EqualTo(_rig.Host.Memory[16..20]));
    }

    [Test]
    public void StagingAloneChangesNothing()
    {
        _rig.Write64(EpcRig.Outbound(0, EpcRegister.OutboundAddressLo), Host + 0x1000);
        Assert.That(_rig.ReadWindow(0, 4), Is.EqualTo(_rig.Host.Memory[..4]));
        Assert.That(_rig.Read(EpcRig.Outbound(0, EpcRegister.OutboundControl)), Is.EqualTo(1));
    }

    [Test]
    public void WhatCannotBeReachedReadsOnesAndDropsWrites()
    {
        _rig.UnmapOutbound(0);
        Assert.That(_rig.ReadWindow(0, 4), Is.EqualTo(s_ones4));
        _rig.MapOutbound(0, 0, 4096, 0x1000);
        Assert.That(_rig.ReadWindow(0, 4), Is.EqualTo(s_ones4), "the host has nothing there");

        _rig.MapOutbound(0, 0, 4096, Host);
        _rig.Host.Error = RequestStatus.CompletionTimeout;
        Assert.That(_rig.ReadWindow(0, 4), Is.EqualTo(s_ones4));
    }

    [Test]
    public void WithoutBusMasteringNothingReachesTheLink()
    {
        bool reached = false;
        _rig.Host.DuringRequest = _ => reached = true;
        _rig.SetCommand(PciCommand.MemorySpaceEnable);
        Assert.That(_rig.ReadWindow(0, 4), Is.EqualTo(s_ones4));
        _rig.WriteWindow(0, 1, 2, 3, 4);

        _rig.SetCommand(PciCommand.BusMasterEnable);
        _rig.HostWrites(_rig.Capability(PciRegister.PowerManagementId) + 4, 3);
        Assert.That(_rig.ReadWindow(0, 4), Is.EqualTo(s_ones4), "D3hot");

        _rig.Write(EpcRegister.LinkControl, 0);
        Assert.That(_rig.ReadWindow(0, 4), Is.EqualTo(s_ones4), "link down");
        Assert.That(reached, Is.False);
    }

    [Test]
    public void FailedRequestsAreRecordedInTheFunctionsErrorRegisters()
    {
        _rig.MapOutbound(1, 2 << 20, 4096, 0x1000);
        _rig.ReadWindow(2 << 20, 4);
        Assert.That(_rig.HostFunction.ReadConfig(4) >> 16 & (uint)PciStatus.ReceivedMasterAbort, Is.Not.Zero);

        _rig.Host.Error = RequestStatus.CompletionTimeout;
        _rig.ReadWindow(0, 4);
        Assert.That(_rig.HostFunction.ReadConfig(0x104) & (1 << 14), Is.Not.Zero, "Completion Timeout");
    }

    [Test]
    public void ABurstOfFailuresIsLoggedOnce()
    {
        using var log = new RecordingLogger();
        using var rig = new EpcRig(log);
        for (int i = 0; i < 100; i++)
        {
            rig.ReadWindow((ulong)i * 4, 4);
        }

        Assert.That(log.Warnings, Is.EqualTo(1));
    }
}
