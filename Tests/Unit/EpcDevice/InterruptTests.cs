using EpfTest.EpcDevice.Registers;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.EpcDevice;

/// <summary>MSI, MSI-X and INTx to the host.</summary>
[TestFixture]
internal sealed class InterruptTests
{
    private const uint MsiAddress = 0xfee0_1000;
    private const ushort MsiData = 0x4320;

    private EpcRig _rig = null!;

    [SetUp]
    public void CreateRig()
    {
        _rig = EpcRig.WithFunction();
        _rig.SetBar(0, 1 << 16);
        _rig.Commit(EpcRegister.FnMsiSetup, 16);
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMsixPba), 0x8000);
        _rig.Commit(EpcRegister.FnMsixSetup, 2048);
    }

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    [Test]
    public void NothingIsSentWhileTheLinkIsDown()
    {
        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsi, 0), Is.EqualTo(CommitResult.LinkDown));
        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsix, 0), Is.EqualTo(CommitResult.LinkDown));
        Assert.That(_rig.Commit(EpcRegister.FnIntx, 1), Is.EqualTo(CommitResult.LinkDown));
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnIntx)), Is.Zero);
    }

    [Test]
    public void MsiIsForVectorsThatTheHostAllocated()
    {
        BringUp();
        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsi, 0), Is.EqualTo(CommitResult.NotEnabled));
        EnableMsi(2);
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnMsiState)), Is.EqualTo(0x401));
        Assert.That(
            _rig.Read64(EpcRig.Function(0, EpcRegister.FnMsiAddressLo)), Is.EqualTo(0x1_0000_0000 + MsiAddress));
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnMsiData)), Is.EqualTo(MsiData));

        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsi, 3), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsi, 4), Is.EqualTo(CommitResult.Invalid));
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("MSI 0.3"));

        _rig.SetCommand(PciCommand.MemorySpaceEnable);
        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsi, 0), Is.EqualTo(CommitResult.NotEnabled), "no bus mastering");
    }

    [Test]
    public void MaskedMsisArePendingUntilTheyAreUnmasked()
    {
        BringUp();
        EnableMsi(4);
        int msi = _rig.Capability(PciRegister.MsiId);
        _rig.HostWrites(msi + 0x10, 0x0006);
        for (uint vector = 0; vector < 4; vector++)
        {
            Assert.That(_rig.Commit(EpcRegister.FnRaiseMsi, vector), Is.EqualTo(CommitResult.Ok));
        }

        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("MSI 0.0, MSI 0.3"));
        Assert.That(_rig.HostFunction.ReadConfig(msi + 0x14), Is.EqualTo(6));

        _rig.HostWrites(msi + 0x10, 0x0004);
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("MSI 0.1"));
        _rig.HostWrites(msi + 0x10, 0);
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("MSI 0.2"));
        Assert.That(_rig.HostFunction.ReadConfig(msi + 0x14), Is.Zero);
    }

    [Test]
    public void MsixIsForItsVectors()
    {
        BringUp();
        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsix, 0), Is.EqualTo(CommitResult.NotEnabled));
        SetMsixControl(0x8000);
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnMsixState)), Is.EqualTo(0x0800_0001));
        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsix, 2047), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.Commit(EpcRegister.FnRaiseMsix, 2048), Is.EqualTo(CommitResult.Invalid));
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("MSI-X 0.2047"));
    }

    [Test]
    public void TheFunctionMaskHoldsMsixBack()
    {
        BringUp();
        SetMsixControl(0xc000);
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnMsixState)) & 3, Is.EqualTo(3));
        foreach (uint vector in new uint[] { 2047, 64, 2047 })
        {
            Assert.That(_rig.Commit(EpcRegister.FnRaiseMsix, vector), Is.EqualTo(CommitResult.Ok));
        }

        Assert.That(_rig.Host.TakeLog(), Is.Empty);
        SetMsixControl(0x8000);
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("MSI-X 0.64, MSI-X 0.2047"));
        SetMsixControl(0xc000);
        SetMsixControl(0x8000);
        Assert.That(_rig.Host.TakeLog(), Is.Empty);
    }

    [Test]
    public void DisablingMsixForgetsWhatWasHeldBack()
    {
        BringUp();
        SetMsixControl(0xc000);
        _rig.Commit(EpcRegister.FnRaiseMsix, 5);
        SetMsixControl(0);
        SetMsixControl(0x8000);
        Assert.That(_rig.Host.TakeLog(), Is.Empty);
    }

    [Test]
    public void ThePinSendsChangesOnly()
    {
        BringUp();
        foreach (uint level in new uint[] { 1, 1, 0, 0 })
        {
            Assert.That(_rig.Commit(EpcRegister.FnIntx, level), Is.EqualTo(CommitResult.Ok));
            Assert.That(_rig.HostFunction.ReadConfig(4) >> 19 & 1, Is.EqualTo(level), "Interrupt Status");
        }

        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("INTx 0 asserted, INTx 0 deasserted"));
    }

    [Test]
    public void InterruptDisableTakesThePinDownAndBack()
    {
        BringUp();
        _rig.Commit(EpcRegister.FnIntx, 1);
        _rig.Host.TakeLog();
        _rig.SetCommand(PciCommand.InterruptDisable);
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("INTx 0 deasserted"));
        Assert.That(_rig.HostFunction.ReadConfig(4) >> 19 & 1, Is.EqualTo(1), "it is still pending inside");
        _rig.SetCommand(PciCommand.None);
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("INTx 0 asserted"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void AssertingADisabledPinIsRefused(bool byMsi)
    {
        BringUp();
        if (byMsi)
        {
            EnableMsi(0);
        }
        else
        {
            _rig.SetCommand(PciCommand.InterruptDisable);
        }

        Assert.That(_rig.Commit(EpcRegister.FnIntx, 1), Is.EqualTo(CommitResult.NotEnabled));
        Assert.That(_rig.Read(EpcRig.Function(0, EpcRegister.FnIntx)), Is.Zero);
        Assert.That(_rig.Commit(EpcRegister.FnIntx, 0), Is.EqualTo(CommitResult.Ok));
        Assert.That(_rig.Host.TakeLog(), Is.Empty);
    }

    [Test]
    public void AFunctionWithoutAPinHasNoIntx()
    {
        _rig.Write(EpcRig.Function(0, EpcRegister.FnMisc), 0);
        _rig.Commit(EpcRegister.FnControl, 1);
        BringUp();
        Assert.That(_rig.Commit(EpcRegister.FnIntx, 1), Is.EqualTo(CommitResult.Invalid));
    }

    [Test]
    public void AResetDropsWhatIsPending()
    {
        BringUp();
        SetMsixControl(0xc000);
        _rig.Commit(EpcRegister.FnRaiseMsix, 1);
        _rig.HostWrites(_rig.Capability(PciRegister.PciExpressId) + 8, 1 << 15);
        _rig.SetCommand(PciCommand.BusMasterEnable);
        SetMsixControl(0x8000);
        Assert.That(_rig.Host.TakeLog(), Is.Empty);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void AResetDeassertsThePin(bool flr)
    {
        BringUp();
        _rig.Commit(EpcRegister.FnIntx, 1);
        _rig.Host.TakeLog();
        if (flr)
        {
            _rig.HostWrites(_rig.Capability(PciRegister.PciExpressId) + 8, 1 << 15);
        }
        else
        {
            _rig.HostFunction.ResetByHost(ResetKind.Hot);
        }

        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("INTx 0 deasserted"));
    }

    [Test]
    public void AWriteToTheMsiAddressIsAnMsi()
    {
        BringUp();
        EnableMsi(3);
        _rig.MapOutbound(0, 0, 4096, 0x1_0000_0000 + MsiAddress);
        _rig.WriteWindow(0, BitConverter.GetBytes(MsiData | 5));
        Assert.That(_rig.Host.TakeLog(), Is.EqualTo("MSI 0.5"));

        _rig.HostWrites(_rig.Capability(PciRegister.MsiId) + 0x10, 1 << 5);
        _rig.WriteWindow(0, BitConverter.GetBytes(MsiData | 5));
        Assert.That(_rig.Host.TakeLog(), Is.Empty, "masked as others are");
        Assert.That(_rig.HostFunction.ReadConfig(_rig.Capability(PciRegister.MsiId) + 0x14), Is.EqualTo(1 << 5));
    }

    [Test]
    public void OtherWritesAreNotAnMsi()
    {
        BringUp();
        _rig.MapOutbound(0, 0, 4096, 0x1_0000_0000 + MsiAddress);
        List<ulong> written = [];
        _rig.Host.DuringRequest = written.Add;
        _rig.WriteWindow(0, BitConverter.GetBytes((uint)MsiData));
        EnableMsi(3);
        _rig.WriteWindow(0, BitConverter.GetBytes(MsiData | 8u));
        _rig.WriteWindow(0, BitConverter.GetBytes(MsiData | 0x1_0000u));
        _rig.WriteWindow(0, BitConverter.GetBytes(MsiData));
        _rig.WriteWindow(4, BitConverter.GetBytes((uint)MsiData));

        Assert.That(_rig.Host.TakeLog(), Is.Empty);
        Assert.That(written, Has.Count.EqualTo(5));
    }

    private void BringUp()
    {
        _rig.BringUp();
        _rig.SetCommand(PciCommand.BusMasterEnable | PciCommand.MemorySpaceEnable);
        _rig.Host.TakeLog();
    }

    private void EnableMsi(int multipleMessageEnable)
    {
        int msi = _rig.Capability(PciRegister.MsiId);
        _rig.HostWrites(msi + 4, MsiAddress);
        _rig.HostWrites(msi + 8, 1);
        _rig.HostWrites(msi + 12, MsiData);
        _rig.HostWrites(msi, (1u | ((uint)multipleMessageEnable << 4)) << 16);
    }

    private void SetMsixControl(uint control) => _rig.HostWrites(_rig.Capability(PciRegister.MsixId), control << 16);
}
