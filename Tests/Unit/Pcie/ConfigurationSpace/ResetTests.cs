using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal class ResetTests
{
    private const int LinkControl = EndpointFunction.Express + 0x10;
    private const int LinkControl2 = EndpointFunction.Express + 0x30;
    private const int UncorrectableSeverity = EndpointFunction.Aer + 0x0C;

    [Test]
    public void AFundamentalResetGivesBackTheSpaceAsItWasSetUp()
    {
        ConfigSpace space = EndpointFunction.Create();
        byte[] initial = space.ReadAll();
        ChangeEverything(space);
        space.Reset(ResetKind.Fundamental);
        Assert.That(space.ReadAll(), Is.EqualTo(initial));
    }

    [TestCase(ResetKind.FunctionLevel)]
    [TestCase(ResetKind.Hot)]
    public void StickyBitsSurvive(ResetKind kind)
    {
        ConfigSpace space = EndpointFunction.Create();
        ChangeEverything(space);
        byte[] aer = space.ReadBytes(EndpointFunction.Aer, 0x48);
        space.Reset(kind);
        Assert.That(space.ReadBytes(EndpointFunction.Aer, 0x48), Is.EqualTo(aer));
        Assert.That(space.AdvancedErrorReporting!.FirstError, Is.EqualTo(UncorrectableError.CompletionTimeout));
        Assert.That(space.ReadWord(LinkControl2) & 0xF, Is.EqualTo(1), "Target Link Speed");
    }

    [TestCase(ResetKind.FunctionLevel)]
    [TestCase(ResetKind.Hot)]
    [TestCase(ResetKind.Fundamental)]
    public void AllElseThatTheHostWroteIsGone(ResetKind kind)
    {
        ConfigSpace space = EndpointFunction.Create();
        ChangeEverything(space);
        space.Reset(kind);
        Assert.That(space.Command, Is.EqualTo(PciCommand.None));
        Assert.That(space.Status, Is.EqualTo(PciStatus.CapabilitiesList));
        Assert.That(space.BarAddress(0), Is.Zero);
        Assert.That(space.PowerState, Is.EqualTo(PowerState.D0));
        Assert.That(space.Msi!.Enabled, Is.False);
        Assert.That(space.Msi.Address, Is.Zero);
        Assert.That(space.Msi.Mask, Is.Zero);
        Assert.That(space.Msix!.Enabled, Is.False);
        Assert.That(space.PciExpress!.MaxReadRequestSize, Is.EqualTo(512));
        Assert.That(space.PciExpress.DeviceStatus, Is.EqualTo(DeviceStatus.None));
    }

    [Test]
    public void WhatBelongsToTheLinkSurvivesFLRButNoConventionalReset()
    {
        ConfigSpace space = EndpointFunction.Create();
        ChangeEverything(space);
        space.Reset(ResetKind.FunctionLevel);
        Assert.That(space.PciExpress!.MaxPayloadSize, Is.EqualTo(256));
        Assert.That(space.ReadWord(LinkControl), Is.EqualTo(0x00CB));
        Assert.That(space.ReadWord(LinkControl2) & 0x20, Is.Not.Zero, "Hardware Autonomous Speed Disable");
        space.Reset(ResetKind.Hot);
        Assert.That(space.PciExpress.MaxPayloadSize, Is.EqualTo(128));
        Assert.That(space.ReadWord(LinkControl), Is.Zero);
        Assert.That(space.ReadWord(LinkControl2) & 0x20, Is.Zero);
    }

    [Test]
    public void BARAddressesSurviveWhereTheCallerWantsIt()
    {
        ConfigSpace space = EndpointFunction.Create();
        ChangeEverything(space);
        space.Reset(ResetKind.Fundamental, preserveBarAddresses: true);
        Assert.That(space.BarAddress(0), Is.EqualTo(0x12_4000_0000));
        Assert.That(space.BarAddress(2), Is.EqualTo(0xFEB0_0000));
        Assert.That(space.Command, Is.EqualTo(PciCommand.None));
    }

    private static void ChangeEverything(ConfigSpace space)
    {
        space.WriteWord(PciRegister.Command, 0x0547);
        space.WriteDword(0x0C, 0x10);
        space.WriteDword(0x10, 0x4000_0000);
        space.WriteDword(0x14, 0x12);
        space.WriteDword(0x18, 0xFEB0_0000);
        space.WriteDword(0x3C, 0x0B);
        space.WriteWord(EndpointFunction.Pmcsr, 0x0103);
        space.WriteDword(EndpointFunction.Msi, 0x0051_0000);
        space.WriteDword(EndpointFunction.Msi + 4, 0xFEE0_0000);
        space.WriteDword(EndpointFunction.Msi + 12, 0x4021);
        space.WriteDword(EndpointFunction.Msi + 16, 0xF0);
        space.WriteDword(EndpointFunction.Msix, 0xC000_0000);
        space.WriteWord(EndpointFunction.DeviceControl, 0x512F);
        space.WriteWord(LinkControl, 0xFFFF);
        space.WriteWord(EndpointFunction.Express + 0x28, 0x10);
        space.WriteWord(LinkControl2, 0x0021);
        space.WriteDword(EndpointFunction.Aer + 0x08, 0x0010_0000);
        space.WriteDword(UncorrectableSeverity, 0x0000_4000);
        space.WriteDword(EndpointFunction.Aer + 0x14, 0x0000_0001);
        space.InterruptStatus = true;
        space.RecordStatus(PciStatus.ReceivedMasterAbort);
        space.Msi!.Pending = 0x10;
        space.AdvancedErrorReporting!.RecordUncorrectable(UncorrectableError.CompletionTimeout, new byte[12]);
    }
}
