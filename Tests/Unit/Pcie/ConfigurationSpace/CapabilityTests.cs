using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal class CapabilityTests
{
    [Test]
    public void PowerManagementHasTheBytesOfTheSpecification() =>
        Assert.That(
            EndpointFunction.Create().ReadBytes(EndpointFunction.Pm, 8),
            Is.EqualTo((byte[])[0x01, 0x48, 0x03, 0x48, 0x08, 0x00, 0x00, 0x00]));

    [Test]
    public void APowerStateThatIsNotSupportedIsDiscarded([Values(1, 2)] int state)
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteWord(EndpointFunction.Pmcsr, 3);
        space.WriteWord(EndpointFunction.Pmcsr, state | 0x100);
        Assert.That(space.PowerState, Is.EqualTo(PowerState.D3Hot));
        Assert.That(space.PowerManagement!.PmeEnabled, "the rest of the write counts");
    }

    [Test]
    public void APowerStateThatIsSupportedIsEntered([Values] PowerState state)
    {
        var space = new ConfigSpace(EndpointFunction.Header);
        space.AddPowerManagement(d1Support: true, d2Support: true);
        space.WriteWord(EndpointFunction.Pmcsr, (int)state);
        Assert.That(space.PowerState, Is.EqualTo(state));
    }

    [Test]
    public void WithoutPMEItsBitsAreHardwiredTo0()
    {
        var space = new ConfigSpace(EndpointFunction.Header);
        space.AddPowerManagement();
        space.WriteWord(EndpointFunction.Pmcsr, 0xFFFC);
        Assert.That(space.ReadWord(EndpointFunction.Pmcsr), Is.EqualTo(0x0008));
    }

    [Test]
    public void MSIHasTheBytesOfTheSpecification()
    {
        ConfigSpace space = EndpointFunction.Create();
        Assert.That(space.ReadDword(EndpointFunction.Msi), Is.EqualTo(0x018A_6005));
        space.Msi!.VectorCount = 1;
        Assert.That(space.ReadDword(EndpointFunction.Msi), Is.EqualTo(0x0180_6005));
    }

    [TestCase(32, 0, 0)]
    [TestCase(32, 0x01, 1)]
    [TestCase(32, 0x31, 8)]
    [TestCase(32, 0x51, 32)]
    [TestCase(32, 0x50, 0)]
    [TestCase(4, 0x51, 4)]
    [TestCase(32, 0x71, 32)]
    public void EnabledMSIVectorsAreWhatTheHostAllowsOfWhatTheFunctionHas(
        int capable, int control, int enabled)
    {
        ConfigSpace space = EndpointFunction.Create();
        space.Msi!.VectorCount = capable;
        space.WriteWord(EndpointFunction.Msi + 2, control);
        Assert.That(space.Msi.EnabledVectors, Is.EqualTo(enabled));
    }

    [Test]
    public void MSIAddressAndDataAreWhatTheHostWrote()
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteDword(EndpointFunction.Msi + 4, 0xFEE0_1007);
        space.WriteDword(EndpointFunction.Msi + 8, 0x0000_0002);
        space.WriteDword(EndpointFunction.Msi + 12, 0xFFFF_4027);
        space.WriteWord(EndpointFunction.Msi + 2, 0x21);
        Assert.That(space.Msi!.Address, Is.EqualTo(0x2_FEE0_1004));
        Assert.That(space.Msi.Data, Is.EqualTo(0x4027));
        Assert.That(
            Enumerable.Range(0, 4).Select(v => (int)space.Msi.DataOf(v)),
            Is.EqualTo([0x4024, 0x4025, 0x4026, 0x4027]));
        Assert.That(() => space.Msi.DataOf(4), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [TestCase(1, 0x0000_0001U)]
    [TestCase(8, 0x0000_00FFU)]
    [TestCase(32, 0xFFFF_FFFFU)]
    public void MSIMaskBitsAreThereForTheVectorsThatAre(int vectors, uint mask)
    {
        ConfigSpace space = EndpointFunction.Create();
        space.Msi!.VectorCount = vectors;
        space.WriteDword(EndpointFunction.Msi + 0x10, ~0U);
        Assert.That(space.Msi.Mask, Is.EqualTo(mask));
    }

    [Test]
    public void MSIWithoutMaskingHasNeitherMaskNorPendingBits()
    {
        var space = new ConfigSpace(EndpointFunction.Header);
        MsiCapability msi = space.AddMsi(2, perVectorMasking: false);
        space.WriteDword(msi.Offset + 0x10, ~0U);
        Assert.That(space.ReadDword(msi.Offset), Is.EqualTo(0x0082_0005));
        Assert.That(space.ReadDword(msi.Offset + 0x10), Is.Zero);
        Assert.That(msi.Mask, Is.Zero);
        Assert.That(msi.Pending, Is.Zero);
        Assert.That(() => msi.Pending = 1, Throws.InvalidOperationException);
    }

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(64)]
    public void AnMSIVectorCountThatCannotBeEncodedIsRefused(int count) =>
        Assert.That(
            () => EndpointFunction.Create().Msi!.VectorCount = count,
            Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void MSIXHasTheBytesOfTheSpecification() =>
        Assert.That(
            EndpointFunction.Create().ReadBytes(EndpointFunction.Msix, 12),
            Is.EqualTo((byte[])[0x11, 0x6C, 0xFF, 0x07, 0x02, 0x10, 0x00, 0x00, 0x02, 0x90, 0x00, 0x00]));

    [Test]
    public void MSIXControlBitsAreWhatTheHostWrote()
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteWord(EndpointFunction.Msix + 2, 0x8000);
        Assert.That((space.Msix!.Enabled, space.Msix.FunctionMask), Is.EqualTo((true, false)));
        space.WriteWord(EndpointFunction.Msix + 2, 0x4000);
        Assert.That((space.Msix.Enabled, space.Msix.FunctionMask), Is.EqualTo((false, true)));
        Assert.That(space.Msix.VectorCount, Is.EqualTo(2048));
    }

    [TestCase(0, 0, 0U, 0, 8U, "1 to 2048 vectors, not 0")]
    [TestCase(2049, 0, 0U, 0, 8U, "1 to 2048 vectors, not 2049")]
    [TestCase(1, 6, 0U, 0, 8U, "table cannot be in BAR6")]
    [TestCase(1, 0, 4U, 0, 8U, "table offset 0x4 is not a multiple of 8")]
    [TestCase(1, 0, 0U, -1, 8U, "PBA cannot be in BAR-1")]
    [TestCase(1, 0, 0U, 0, 12U, "PBA offset 0xc is not a multiple of 8")]
    public void AnMSIXLayoutThatCannotBeEncodedIsRefused(
        int vectors, int tableBar, uint tableOffset, int pbaBar, uint pbaOffset, string reason) =>
        Assert.That(
            () => EndpointFunction.Create().Msix!.Layout =
                new MsixLayout(vectors, tableBar, tableOffset, pbaBar, pbaOffset),
            Throws.ArgumentException.With.Message.Contains(reason));

    [TestCase(2048, 2, 0x0000U, 2, 0x8000U, null)]
    [TestCase(65, 2, 0xFBF0U, 0, 0x0000U, null)]
    [TestCase(2048, 2, 0x8008U, 0, 0x0000U, "ends beyond BAR2")]
    [TestCase(64, 0, 0x0000U, 2, 0xFFF8U, null)]
    [TestCase(65, 0, 0x0000U, 2, 0xFFF8U, "ends beyond BAR2")]
    [TestCase(2, 2, 0x0000U, 2, 0x0018U, "overlap in BAR2")]
    [TestCase(2, 2, 0x0000U, 2, 0x0020U, null)]
    [TestCase(2, 3, 0x0000U, 2, 0x0000U, "is in BAR3, which is no memory BAR")]
    [TestCase(2, 1, 0x0000U, 2, 0x0000U, "is in BAR1, which is no memory BAR")]
    [TestCase(2, 2, 0x0000U, 4, 0x0000U, "is in BAR4, which is no memory BAR")]
    public void AnMSIXLayoutFitsWhereTableAndPBAAreInsideMemoryBARsAndApart(
        int vectors, int tableBar, uint tableOffset, int pbaBar, uint pbaOffset, string? reason)
    {
        var layout = new MsixLayout(vectors, tableBar, tableOffset, pbaBar, pbaOffset);
        ConfigSpace space = EndpointFunction.Create();
        Assert.That(
            () => layout.CheckFits(space),
            reason is null ? Throws.Nothing : Throws.ArgumentException.With.Message.Contains(reason));
    }

    [Test]
    public void PCIExpressHasTheBytesOfTheSpecification()
    {
        byte[] expected =
        [
            0x10, 0x00, 0x02, 0x00, 0x22, 0x80, 0x00, 0x10, 0x10, 0x28, 0x00, 0x00, 0x83, 0x00, 0x40, 0x00,
            0x00, 0x00, 0x83, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0E, 0x00, 0x00, 0x00,
            0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        ];
        Assert.That(EndpointFunction.Create().ReadBytes(EndpointFunction.Express, 60), Is.EqualTo(expected));
    }

    [TestCase(0x0000, 128, 128)]
    [TestCase(0x1020, 256, 256)]
    [TestCase(0x2040, 512, 512)]
    [TestCase(0x50A0, 512, 4096)]
    [TestCase(0x70E0, 512, 4096)]
    public void MPSAndMRRSAreWhatTheHostWroteWithinWhatThereIs(int control, int mps, int mrrs)
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteWord(EndpointFunction.DeviceControl, control);
        Assert.That(space.PciExpress!.MaxPayloadSize, Is.EqualTo(mps));
        Assert.That(space.PciExpress.MaxReadRequestSize, Is.EqualTo(mrrs));
    }

    [Test]
    public void LinkControlGivesTheRCBInBytes()
    {
        ConfigSpace space = EndpointFunction.Create();
        Assert.That(space.PciExpress!.ReadCompletionBoundary, Is.EqualTo(64));
        space.WriteWord(EndpointFunction.Express + 0x10, 0x08);
        Assert.That(space.PciExpress.ReadCompletionBoundary, Is.EqualTo(128));
    }

    [Test]
    public void DeviceControlEnablesAreSeenAsWritten()
    {
        ConfigSpace space = EndpointFunction.Create();
        PciExpressCapability express = space.PciExpress!;
        Assert.That(
            (express.RelaxedOrderingEnable, express.NoSnoopEnable, express.ExtendedTagFieldEnable),
            Is.EqualTo((true, true, false)));
        space.WriteWord(EndpointFunction.DeviceControl, 0x0100);
        Assert.That(
            (express.RelaxedOrderingEnable, express.NoSnoopEnable, express.ExtendedTagFieldEnable),
            Is.EqualTo((false, false, true)));
    }

    [Test]
    public void InitiateFLRReads0AndNeedsTheCapability()
    {
        ConfigSpace space = EndpointFunction.Create(functionLevelResetCapable: false);
        var observer = new RecordingObserver();
        space.Observer = observer;
        space.WriteWord(EndpointFunction.DeviceControl, 0xA810);
        Assert.That(observer.Calls, Is.Empty);
        Assert.That(space.ReadWord(EndpointFunction.DeviceControl), Is.EqualTo(0x2810));
        Assert.That(space.ReadDword(EndpointFunction.Express + 4) & 0x1000_0000, Is.Zero);
    }

    [Test]
    public void TransactionsPendingIsTheDeviceSideS()
    {
        ConfigSpace space = EndpointFunction.Create();
        space.PciExpress!.TransactionsPending = true;
        space.WriteWord(EndpointFunction.DeviceStatus, 0xFFFF);
        Assert.That(space.ReadWord(EndpointFunction.DeviceStatus), Is.EqualTo(0x0020));
        space.PciExpress.TransactionsPending = false;
        Assert.That(space.PciExpress.TransactionsPending, Is.False);
        Assert.That(
            () => space.PciExpress.RecordDetected(DeviceStatus.TransactionsPending), Throws.ArgumentException);
    }

    [Test]
    public void LinkStatusIsWhatTheLinkWasTrainedTo()
    {
        ConfigSpace space = EndpointFunction.Create();
        space.PciExpress!.SetLinkStatus(LinkSpeed.GT5, 2);
        Assert.That(space.ReadWord(EndpointFunction.Express + 0x12), Is.EqualTo(0x1022));
        Assert.That(() => space.PciExpress.SetLinkStatus(LinkSpeed.GT16, 2), Throws.ArgumentException);
        Assert.That(() => space.PciExpress.SetLinkStatus(LinkSpeed.GT5, 16), Throws.ArgumentException);
        Assert.That(() => space.PciExpress.SetLinkStatus(LinkSpeed.GT5, 5), Throws.ArgumentException);
    }

    [TestCase(64)]
    [TestCase(384)]
    [TestCase(8192)]
    public void APayloadSizeThatCannotBeEncodedIsRefused(int size) =>
        Assert.That(
            new PciExpressSettings { MaxPayloadSizeSupported = size }.Check,
            Throws.ArgumentException.With.Message.Contains($"not {size}"));

    [Test]
    public void ALinkSpeedThatCannotBeEncodedIsRefused() =>
        Assert.That(
            new PciExpressSettings { MaxLinkSpeed = (LinkSpeed)7 }.Check,
            Throws.ArgumentException.With.Message.Contains("7 is not a link speed"));

    [Test]
    public void DeviceSerialNumberHasItsCompanyIDInTheLastBytes()
    {
        ConfigSpace space = EndpointFunction.Create();
        Assert.That(
            space.ReadBytes(EndpointFunction.SerialNumber, 12),
            Is.EqualTo((byte[])[0x03, 0x00, 0x01, 0x00, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00]));
        Assert.That(space.DeviceSerialNumber!.SerialNumber, Is.EqualTo(0x0011_2233_4455_6677));
    }
}
