using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal class CapabilityTests
{
    [Test]
    public void PowerManagementHasTheBytesOfTheSpecification() =>
        Assert.That(
            EndpointFunction.Create().ReadBytes(EndpointFunction.Pm, 8),
            Is.EqualTo((byte[])[0x01, 0x48, 0x03, 0x00, 0x08, 0x00, 0x00, 0x00]));

    [TestCase(0, PowerState.D0)]
    [TestCase(1, PowerState.D3Hot)]
    [TestCase(2, PowerState.D3Hot)]
    [TestCase(3, PowerState.D3Hot)]
    public void APowerStateThatIsNotSupportedIsDiscarded(int state, PowerState expected)
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteWord(EndpointFunction.Pmcsr, 3);
        space.WriteWord(EndpointFunction.Pmcsr, state);
        Assert.That(space.PowerState, Is.EqualTo(expected));
    }

    [Test]
    public void WithoutPMEItsBitsAreHardwiredTo0()
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteWord(EndpointFunction.Pmcsr, 0xFFFC);
        Assert.That(space.ReadWord(EndpointFunction.Pmcsr), Is.EqualTo(0x0008));
    }

    [Test]
    public void MSIHasTheBytesOfTheSpecification()
    {
        Assert.That(EndpointFunction.Create().ReadDword(EndpointFunction.Msi), Is.EqualTo(0x018A_6005));
        Assert.That(EndpointFunction.Create(1).ReadDword(EndpointFunction.Msi), Is.EqualTo(0x0180_6005));
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
        ConfigSpace space = EndpointFunction.Create(capable);
        space.WriteWord(EndpointFunction.Msi + 2, control);
        Assert.That(space.Msi!.EnabledVectors, Is.EqualTo(enabled));
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
    }

    [TestCase(1, 0x0000_0001U)]
    [TestCase(8, 0x0000_00FFU)]
    [TestCase(32, 0xFFFF_FFFFU)]
    public void MSIMaskBitsAreThereForTheVectorsThatAre(int vectors, uint mask)
    {
        ConfigSpace space = EndpointFunction.Create(vectors);
        space.WriteDword(EndpointFunction.Msi + 0x10, ~0U);
        Assert.That(space.Msi!.Mask, Is.EqualTo(mask));
    }

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
            new MsixLayout(vectors, tableBar, tableOffset, pbaBar, pbaOffset).TryCheck(out string? why) ? null : why,
            Does.Contain(reason));

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
        Assert.That(
            layout.TryCheckFit(EndpointFunction.Create().Bars, out string? why), Is.EqualTo(reason is null), why);
        Assert.That(why ?? "", Does.Contain(reason ?? ""));
    }

    [Test]
    public void PCIExpressHasTheBytesOfTheSpecification()
    {
        byte[] expected =
        [
            0x10, 0x00, 0x02, 0x00, 0x25, 0x80, 0x00, 0x10, 0x10, 0x28, 0x00, 0x00, 0x42, 0x00, 0x40, 0x00,
            0x00, 0x00, 0x42, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0x00, 0x00, 0x00,
            0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        ];
        Assert.That(EndpointFunction.Create().ReadBytes(EndpointFunction.Express, 60), Is.EqualTo(expected));
    }

    [TestCase(0x0000, 128, 128)]
    [TestCase(0x1020, 256, 256)]
    [TestCase(0x2040, 512, 512)]
    [TestCase(0x50A0, 4096, 4096)]
    [TestCase(0x70E0, 4096, 4096)]
    public void MPSAndMRRSAreWhatTheHostWroteWithinWhatThereIs(int control, int mps, int mrrs)
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteWord(EndpointFunction.DeviceControl, control);
        Assert.That(space.PciExpress!.MaxPayloadSize, Is.EqualTo(mps));
        Assert.That(space.PciExpress.MaxReadRequestSize, Is.EqualTo(mrrs));
    }

    [TestCase(0x00u, 64)]
    [TestCase(0x08u, 128)]
    [TestCase(0xF7u, 64)]
    public void LinkControlGivesTheRCBInBytes(uint linkControl, int rcb) =>
        Assert.That(PciExpressCapability.ReadCompletionBoundaryIn(linkControl), Is.EqualTo(rcb));

    [Test]
    public void ExtendedTagFieldEnableIsSeenAsWritten()
    {
        ConfigSpace space = EndpointFunction.Create();
        Assert.That(space.PciExpress!.ExtendedTagFieldEnable, Is.False);
        space.WriteWord(EndpointFunction.DeviceControl, 0x0100);
        Assert.That(space.PciExpress.ExtendedTagFieldEnable);
    }

    [Test]
    public void DeviceSerialNumberHasItsCompanyIDInTheLastBytes()
    {
        ConfigSpace space = EndpointFunction.Create();
        Assert.That(
            space.ReadBytes(EndpointFunction.SerialNumber, 12),
            Is.EqualTo((byte[])[0x03, 0x00, 0x01, 0x00, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00]));
    }
}
