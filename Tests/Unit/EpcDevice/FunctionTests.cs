using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Unit.EpcDevice;

/// <summary>The header, the capabilities and the BARs of a function.</summary>
[TestFixture]
internal sealed class FunctionTests
{
    private const uint Bar64 = EpcRegister.FnBarFlag64Bit;

    private EpcRig _rig = null!;

    [SetUp]
    public void CreateRig() => _rig = new EpcRig();

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    [Test]
    public void BlocksAreNamedByTheirFunction() =>
        Assert.That(
            Enumerable.Range(0, 8).Select(block => _rig.Read(EpcRig.Function(block, EpcRegister.FnId))),
            Is.EqualTo(Enumerable.Range(0, 8)));

    [Test]
    public void AHeaderTakesEffectWhenItIsCommitted()
    {
        _rig.Write(EpcRig.Function(0, EpcRegister.FnVendorDevice), 0x5678_1234);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnClassRevision), 0x0108_0203);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnSubsystem), 0xbeef_cafe);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMisc), 0x0210);
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnControl)), Is.Zero);
        Assert.That(_rig.Commit(EpcRegister.FnControl, 1), Is.EqualTo(CommitResult.Ok));
        _rig.Write(EpcRig.Function(0, EpcRegister.FnVendorDevice), 0);
        _rig.BringUp();

        Assert.That(_rig.HostFunction.ReadConfig(0), Is.EqualTo(0x5678_1234));
        Assert.That(_rig.HostFunction.ReadConfig(8), Is.EqualTo(0x0108_0203));
        Assert.That(_rig.HostFunction.ReadConfig(0xc), Is.EqualTo(0x0000_0010));
        Assert.That(_rig.HostFunction.ReadConfig(0x2c), Is.EqualTo(0xbeef_cafe));
        Assert.That(_rig.HostFunction.ReadConfig(0x3c), Is.EqualTo(0x0000_0200));
    }

    [Test]
    public void AnImpossiblePinIsInvalidAndChangesNothing()
    {
        _rig.AddFunction(0);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMisc), 0x0500);
        Assert.That(_rig.Commit(EpcRegister.FnControl, 1), Is.EqualTo(CommitResult.Invalid));
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnControl)), Is.EqualTo(1));
    }

    [Test]
    public void TakingAFunctionAwayClearsItsBlock()
    {
        uint[] Block() => [.. Enumerable.Range(0, 0x400).Select(i => _rig.Read(EpcRig.Function(0, i * 4)))];
        uint[] before = Block();
        _rig.AddFunction(0);
        _rig.SetBar(2, 4096, Bar64, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress));
        _rig.Commit(EpcRegister.FnMsiSetup, 2);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnEventMask), 0);

        Assert.That(_rig.Commit(EpcRegister.FnControl, 0), Is.EqualTo(CommitResult.Ok));
        Assert.That(Block(), Is.EqualTo(before));
    }

    [Test]
    public void CapabilitiesAreThoseThatWereSetUpInAnyOrder()
    {
        Assert.That(_rig.Commit(EpcRegister.FnMsiSetup, 16), Is.EqualTo(CommitResult.Ok));
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMsixTable), 0x1000 | 1);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMsixPba), 0x9000 | 1);
        Assert.That(_rig.Commit(EpcRegister.FnMsixSetup, 2048), Is.EqualTo(CommitResult.Ok));
        _rig.AddFunction(0);
        _rig.SetBar(1, 1 << 16);
        _rig.BringUp();

        Assert.That(_rig.HostFunction.Describe()!.MsiVectors, Is.EqualTo(16));
        Assert.That(_rig.HostFunction.Describe()!.MsixVectors, Is.EqualTo(2048));
        Assert.That(_rig.HostFunction.ReadConfig(_rig.Capability(PciRegister.MsiId)) >> 17 & 7, Is.EqualTo(4));
        Assert.That(_rig.HostFunction.ReadConfig(_rig.Capability(PciRegister.MsixId) + 4), Is.EqualTo(0x1001));
        Assert.That(_rig.HostFunction.ReadConfig(_rig.Capability(PciRegister.MsixId) + 8), Is.EqualTo(0x9001));
        Assert.That(_rig.HasCapability(PciRegister.PowerManagementId), Is.True);
        uint deviceCapabilities = _rig.HostFunction.ReadConfig(_rig.Capability(PciRegister.PciExpressId) + 4);
        Assert.That(deviceCapabilities & (1 << 28), Is.Not.Zero, "FLR");
        Assert.That(_rig.HostFunction.ReadConfig(0x100) & 0xffff, Is.EqualTo(1), "AER");
        Assert.That(
            _rig.HostFunction.ReadConfig((int)(_rig.HostFunction.ReadConfig(0x100) >> 20)) & 0xffff,
            Is.EqualTo(3),
            "DSN");
    }

    [Test]
    public void WithoutSetUpThereIsNoInterruptCapability()
    {
        _rig.AddFunction(0);
        _rig.Commit(EpcRegister.FnMsiSetup, 16);
        _rig.Commit(EpcRegister.FnMsiSetup, 0);
        _rig.BringUp();

        Assert.That(_rig.HasCapability(PciRegister.MsiId), Is.False);
        Assert.That(_rig.HasCapability(PciRegister.MsixId), Is.False);
    }

    [TestCase(3u)]
    [TestCase(33u)]
    [TestCase(64u)]
    public void OtherMsiCountsAreInvalid(uint vectors)
    {
        _rig.Commit(EpcRegister.FnMsiSetup, 8);
        Assert.That(_rig.Commit(EpcRegister.FnMsiSetup, vectors), Is.EqualTo(CommitResult.Invalid));
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnMsiSetup)), Is.EqualTo(8));
    }

    [TestCase(2049u, 0u, 0x10000u)]
    [TestCase(1u, 6u, 0x10000u)]
    [TestCase(8u, 0xff8u, 0u, Description = "the table ends beyond the BAR")]
    [TestCase(8u, 0u, 0x40u, Description = "table and PBA overlap")]
    public void ImpossibleMsixLayoutsAreInvalid(uint vectors, uint table, uint pba)
    {
        _rig.SetBar(0, 4096);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMsixTable), table);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMsixPba), pba);
        Assert.That(_rig.Commit(EpcRegister.FnMsixSetup, vectors), Is.EqualTo(CommitResult.Invalid));
    }

    [Test]
    public void ATableWithoutItsBarKeepsTheLinkDownUntilTheBarIsThere()
    {
        _rig.AddFunction(0);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMsixPba), 0x800);
        Assert.That(_rig.Commit(EpcRegister.FnMsixSetup, 8), Is.EqualTo(CommitResult.Ok), "the BAR may still come");
        _rig.Endpoint.HostPresenceChanged(true);
        _rig.Write(EpcRegister.LinkControl, 1);
        Assert.That(_rig.Read(EpcRegister.LinkStatus) & 1, Is.Zero);
        Assert.That(_rig.HostFunction.Describe(), Is.Null);

        _rig.SetBar(0, 4096);
        Assert.That(_rig.Read(EpcRegister.LinkStatus) & 1, Is.EqualTo(1));
    }

    [Test]
    public void StagingDoesNotTryTheLinkAgain()
    {
        using var log = new RecordingLogger();
        using var rig = new EpcRig(log);
        rig.AddFunction(0);
        rig.Write(EpcRig.Function(0, EpcRegister.FnMsixPba), 0x800);
        rig.Commit(EpcRegister.FnMsixSetup, 8);
        rig.Endpoint.HostPresenceChanged(true);
        rig.Write(EpcRegister.LinkControl, 1);
        rig.SetBar(0, 4096);

        Assert.That(log.Warnings, Is.EqualTo(1), "when the link was enabled");
        Assert.That(rig.Read(EpcRegister.LinkStatus) & 1, Is.EqualTo(1));
    }

    [Test]
    public void WhatTheHostHasReadIsBusyWhileTheLinkIsUp()
    {
        _rig.AddFunction(0);
        _rig.SetBar(0, 4096);
        _rig.Commit(EpcRegister.FnMsiSetup, 4);
        _rig.BringUp();

        Assert.That(_rig.Commit(EpcRegister.FnControl, 0), Is.EqualTo(CommitResult.Busy));
        Assert.That(_rig.Commit(EpcRegister.FnControl, 1), Is.EqualTo(CommitResult.Ok), "the same header");
        _rig.Write(EpcRig.Function(0, EpcRegister.FnVendorDevice), 1);
        Assert.That(_rig.Commit(EpcRegister.FnControl, 1), Is.EqualTo(CommitResult.Busy));
        Assert.That(_rig.Commit(EpcRegister.FnMsiSetup, 4), Is.EqualTo(CommitResult.Ok), "the same number");
        Assert.That(_rig.Commit(EpcRegister.FnMsiSetup, 8), Is.EqualTo(CommitResult.Busy));
        Assert.That(_rig.Commit(EpcRegister.FnMsixSetup, 1), Is.Not.EqualTo(CommitResult.Ok));
        Assert.That(_rig.SetBar(0, 8192), Is.EqualTo(CommitResult.Busy));
        Assert.That(_rig.SetBar(2, 4096), Is.EqualTo(CommitResult.Busy));
        Assert.That(_rig.HostFunction.ReadConfig(0), Is.EqualTo(0xb500_104c));

        _rig.Write(EpcRegister.LinkControl, 0);
        Assert.That(_rig.Commit(EpcRegister.FnControl, 0), Is.EqualTo(CommitResult.Ok));
    }

    [TestCase(0, 3000u, 0u)]
    [TestCase(0, 8u, 0u)]
    [TestCase(0, 0u, 0u)]
    [TestCase(0, 4096u, 2u)]
    [TestCase(0, 4096u, EpcRegister.FnBarFlagIo | EpcRegister.FnBarFlag64Bit)]
    [TestCase(0, 4096u, EpcRegister.FnBarFlagIo | EpcRegister.FnBarFlagPrefetch)]
    [TestCase(5, 4096u, EpcRegister.FnBarFlag64Bit)]
    public void ImpossibleBarsAreInvalid(int bar, uint size, uint flags) =>
        Assert.That(_rig.SetBar(bar, size, flags), Is.EqualTo(CommitResult.Invalid));

    [Test]
    public void ABarAndAnUpperHalfOverlap()
    {
        Assert.That(_rig.SetBar(1, 4096), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.SetBar(0, 4096, Bar64), Is.EqualTo(CommitResult.Overlap));
        Assert.That(_rig.SetBar(2, 1UL << 40, Bar64), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.SetBar(3, 4096), Is.EqualTo(CommitResult.Overlap));
        Assert.That(_rig.ClearBar(3), Is.EqualTo(CommitResult.Ok), "nothing is there");
        Assert.That(_rig.ClearBar(2), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.SetBar(3, 4096), Is.EqualTo(CommitResult.Ok));
    }

    [Test]
    public void ImpossibleTranslationsAreRefusedAndTheOldOnesStay()
    {
        Assert.That(
            _rig.SetBar(0, 8192, 0, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress)), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.SetBar(0, 8192, 0, EpcRig.Inbound(0, 0, 0)), Is.EqualTo(CommitResult.Invalid));
        Assert.That(_rig.SetBar(0, 8192, 0, EpcRig.Inbound(4096, 8192, 0)), Is.EqualTo(CommitResult.Invalid));
        Assert.That(_rig.SetBar(0, 8192, 0, EpcRig.Inbound(8192, 1, 0)), Is.EqualTo(CommitResult.Invalid));
        Assert.That(
            _rig.SetBar(0, 8192, 0, EpcRig.Inbound(0, 4096, ulong.MaxValue - 4094)), Is.EqualTo(CommitResult.Invalid));
        Assert.That(
            _rig.SetBar(0, 8192, 0, EpcRig.Inbound(4096, 4096, 0), EpcRig.Inbound(0, 4097, 0x10000)),
            Is.EqualTo(CommitResult.Overlap));
        _rig.Write(EpcRig.Bar(0, EpcRegister.FnBarControl), 1 | (65 << 8));
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnResult)), Is.EqualTo(EpcRegister.ResultInvalid));

        Assert.That(_rig.Read(EpcRig.Bar(0, EpcRegister.FnBarControl)), Is.EqualTo(0x101));
        _rig.AddFunction(0);
        _rig.BringUp();
        Assert.That(_rig.HostFunction.ResolveInbound(0), Has.Count.EqualTo(1));
    }

    [Test]
    public void OtherTranslationsKeepTheHostsAddress()
    {
        _rig.AddFunction(0);
        _rig.SetBar(2, 1 << 20, Bar64, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress));
        _rig.BringUp();
        _rig.HostWrites(0x18, 0xc000_0000);
        _rig.HostWrites(0x1c, 0x0000_0012);
        _rig.SetCommand(PciCommand.MemorySpaceEnable);
        _rig.Host.TakeLog();

        Assert.That(
            _rig.SetBar(2, 1 << 20, Bar64, EpcRig.Inbound(0, 8192, FakeGuest.RamAddress)), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("changing 0.2, changed 0.2"));
        Assert.That(_rig.Read64(EpcRig.Bar(2, EpcRegister.FnBarAddressLo)), Is.EqualTo(0x12_c000_0000));
        Assert.That(_rig.HostFunction.TryDecode(0x12_c000_1004, false, out int bar, out ulong offset), Is.True);
        Assert.That((bar, offset), Is.EqualTo((2, 0x1004ul)));
    }

    [Test]
    public void ABarThatIsClearedWhileTheLinkIsUpComesBackAtItsAddress()
    {
        _rig.AddFunction(0);
        _rig.SetBar(0, 4096, 0, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress));
        _rig.BringUp();
        _rig.HostWrites(0x10, 0xc000_0000);
        _rig.SetCommand(PciCommand.MemorySpaceEnable);

        Assert.That(_rig.ClearBar(0), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.HostFunction.TryDecode(0xc000_0000, false, out _, out _), Is.False);
        Assert.That(_rig.Read64(EpcRig.Bar(0, EpcRegister.FnBarAddressLo)), Is.Zero);

        Assert.That(
            _rig.SetBar(0, 4096, 0, EpcRig.Inbound(0, 4096, FakeGuest.RamAddress)), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.HostFunction.TryDecode(0xc000_0000, false, out _, out _), Is.True);
    }

    [Test]
    public void BarsAreDecodedInTheSpaceThatIsEnabledInD0()
    {
        _rig.AddFunction(0);
        _rig.SetBar(0, 4096);
        _rig.SetBar(1, 256, EpcRegister.FnBarFlagIo);
        _rig.BringUp();
        _rig.HostWrites(0x10, 0xc000_0000);
        _rig.HostWrites(0x14, 0xe000);
        bool Memory() => _rig.HostFunction.TryDecode(0xc000_0fff, false, out _, out _);
        bool Io() => _rig.HostFunction.TryDecode(0xe0ff, true, out _, out _);

        Assert.That((Memory(), Io()), Is.EqualTo((false, false)));
        _rig.SetCommand(PciCommand.MemorySpaceEnable);
        Assert.That((Memory(), Io()), Is.EqualTo((true, false)));
        _rig.SetCommand(PciCommand.IoSpaceEnable);
        Assert.That((Memory(), Io()), Is.EqualTo((false, true)));
        _rig.HostWrites(_rig.Capability(PciRegister.PowerManagementId) + 4, 3);
        Assert.That((Memory(), Io()), Is.EqualTo((false, false)));
        _rig.HostWrites(_rig.Capability(PciRegister.PowerManagementId) + 4, 0);
        Assert.That((Memory(), Io()), Is.EqualTo((false, true)));
        Assert.That(_rig.HostFunction.TryDecode(0xe100, true, out _, out _), Is.False);
        Assert.That(_rig.HostFunction.TryDecode(0xc000_0000, true, out _, out _), Is.False);
    }

    [Test]
    public void AFunctionLevelResetKeepsBarAddressesAndAHotResetDoesNot()
    {
        _rig.AddFunction(0);
        _rig.SetBar(0, 4096);
        _rig.BringUp();
        _rig.HostWrites(0x10, 0xc000_0000);
        _rig.SetCommand(PciCommand.MemorySpaceEnable | PciCommand.BusMasterEnable);

        _rig.HostWrites(_rig.Capability(PciRegister.PciExpressId) + 8, 1 << 15);
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnCommand)), Is.Zero);
        Assert.That(_rig.Read(EpcRig.Bar(0, EpcRegister.FnBarAddressLo)), Is.EqualTo(0xc000_0000));

        _rig.HostFunction.ResetByHost(ResetKind.Hot);
        Assert.That(_rig.Read(EpcRig.Bar(0, EpcRegister.FnBarAddressLo)), Is.Zero);
    }

    [Test]
    public void TheLinkIsToldWhetherAFunctionMayIssueRequests()
    {
        using EpcRig rig = EpcRig.WithHost();
        Assert.That(rig.Host.BusMasters[0], Is.True);
        rig.SetCommand(PciCommand.MemorySpaceEnable);
        Assert.That(rig.Host.BusMasters[0], Is.False);
        rig.SetCommand(PciCommand.MemorySpaceEnable | PciCommand.BusMasterEnable);
        rig.HostFunction.ResetByHost(ResetKind.Hot);
        Assert.That(rig.Host.BusMasters[0], Is.False);
    }

    [TestCase(true, "")]
    [TestCase(false, "ERR 0 NonFatal")]
    public void ARequestThatFailsIsReportedAsTheHostHasItEnabled(bool nonPosted, string sent)
    {
        using EpcRig rig = EpcRig.WithHost();
        int control = rig.Capability(PciRegister.PciExpressId) + 8;
        rig.HostFunction.WriteConfig(control, 0xf, 0x3);
        rig.Host.TakeLog();
        TlpHeader request = nonPosted
            ? TlpHeader.MemoryRead(0xdead_0000, 4, default, 0)
            : TlpHeader.MemoryWrite(0xdead_0000, 4, default);

        rig.HostFunction.RecordFailure(request, UncorrectableError.UnsupportedRequest);

        Assert.That(rig.Host.TakeLog(), Is.EqualTo(sent), "what a completion says already is advisory, and masked");
    }
}
