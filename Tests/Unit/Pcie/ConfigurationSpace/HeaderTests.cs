using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal class HeaderTests
{
    [Test]
    public void TheHeaderHasTheBytesOfTheSpecification()
    {
        ConfigSpace space = EndpointFunction.Create();
        byte[] expected =
        [
            0x4C, 0x10, 0x00, 0xB5, 0x00, 0x00, 0x10, 0x00, 0x02, 0x02, 0x08, 0x01, 0x00, 0x00, 0x00, 0x00,
            0x0C, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF4, 0x1A, 0x00, 0x11,
            0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
        ];
        Assert.That(space.ReadBytes(0, 64), Is.EqualTo(expected));
    }

    [Test]
    public void TheOtherFieldsOfTheHeaderSurviveReset()
    {
        var space = new ConfigSpace(new ConfigSpaceHeader
        {
            VendorId = 0x1234,
            DeviceId = 0x5678,
            CacheLineSize = 0x10,
            MultiFunction = true,
            InterruptPin = InterruptPin.IntD,
        });
        space.Reset(ResetKind.Fundamental);
        Assert.That(space.ReadDword(0x00), Is.EqualTo(0x5678_1234));
        Assert.That(space.ReadDword(0x08), Is.Zero);
        Assert.That(space.ReadDword(0x0C), Is.EqualTo(0x0080_0010));
        Assert.That(space.ReadDword(0x3C), Is.EqualTo(0x0400));
    }

    [TestCase(0x001, nameof(ConfigSpace.IoSpaceEnable))]
    [TestCase(0x002, nameof(ConfigSpace.MemorySpaceEnable))]
    [TestCase(0x004, nameof(ConfigSpace.BusMasterEnable))]
    [TestCase(0x100, nameof(ConfigSpace.SerrEnable))]
    [TestCase(0x400, nameof(ConfigSpace.InterruptDisable))]
    public void ACommandBitIsSeenAsWritten(int bit, string name)
    {
        ConfigSpace space = EndpointFunction.Create();
        space.WriteWord(PciRegister.Command, bit);
        Assert.That((int)space.Command, Is.EqualTo(bit));
        string[] set =
        [
            .. new (string Name, bool Value)[]
            {
                (nameof(space.IoSpaceEnable), space.IoSpaceEnable),
                (nameof(space.MemorySpaceEnable), space.MemorySpaceEnable),
                (nameof(space.BusMasterEnable), space.BusMasterEnable),
                (nameof(space.SerrEnable), space.SerrEnable),
                (nameof(space.InterruptDisable), space.InterruptDisable),
            }.Where(b => b.Value).Select(b => b.Name),
        ];
        Assert.That(set, Is.EqualTo([name]));
    }

    [Test]
    public void InterruptStatusIsTheDeviceSideS()
    {
        ConfigSpace space = EndpointFunction.Create();
        space.InterruptStatus = true;
        space.WriteWord(PciRegister.Status, 0xFFFF);
        Assert.That(space.Status, Is.EqualTo(PciStatus.InterruptStatus | PciStatus.CapabilitiesList));
        space.InterruptStatus = false;
        Assert.That(space.InterruptStatus, Is.False);
    }

    [Test]
    public void CapabilitiesAreLinkedInTheOrderOfAdding()
    {
        var space = new ConfigSpace(EndpointFunction.Header);
        Assert.That(space.ReadDword(0x34), Is.Zero);
        space.AddPciExpress();
        space.AddMsi(1);
        space.AddPowerManagement();
        Assert.That(space.ReadDword(0x34), Is.EqualTo(0x40));
        Assert.That(space.ReadWord(0x40), Is.EqualTo(0x7C10));
        Assert.That(space.ReadWord(0x7C), Is.EqualTo(0x9405));
        Assert.That(space.ReadWord(0x94), Is.EqualTo(0x0001));
    }

    [Test]
    public void ExtendedCapabilitiesAreLinkedInTheOrderOfAdding()
    {
        var space = new ConfigSpace(EndpointFunction.Header);
        space.AddPciExpress();
        Assert.That(space.ReadDword(0x100), Is.Zero);
        space.AddDeviceSerialNumber(1);
        space.AddAdvancedErrorReporting();
        Assert.That(space.ReadDword(0x100), Is.EqualTo(0x10C1_0003));
        Assert.That(space.ReadDword(0x10C), Is.EqualTo(0x0002_0001));
    }
}
