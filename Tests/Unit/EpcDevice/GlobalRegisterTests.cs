using EpfTest.EpcDevice.Registers;
using EpfTest.Kit.EpcDevice;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.EpcDevice;

[TestFixture]
internal sealed class GlobalRegisterTests
{
    private EpcRig _rig = null!;

    [SetUp]
    public void CreateRig() => _rig = new EpcRig();

    [TearDown]
    public void DisposeRig() => _rig.Dispose();

    [TestCase(EpcRegister.Id, 0x43465045u)]
    [TestCase(EpcRegister.Version, 0x0001_0002u)]
    [TestCase(EpcRegister.FeaturesLo, 0x7fu)]
    [TestCase(EpcRegister.FeaturesHi, 0u)]
    [TestCase(EpcRegister.Functions, 8u)]
    [TestCase(EpcRegister.Vfs, 0u)]
    [TestCase(EpcRegister.Outbounds, 256u)]
    [TestCase(EpcRegister.Inbounds, 64u)]
    [TestCase(EpcRegister.DmaChannels, 16u)]
    [TestCase(EpcRegister.LinkControl, 0u)]
    [TestCase(EpcRegister.LinkStatus, EpcRegister.LinkStatusPerst)]
    [TestCase(EpcRegister.EventStatus, 0u)]
    [TestCase(EpcRegister.EventMask, uint.MaxValue)]
    [TestCase(EpcRegister.Doorbell, 0u)]
    public void RegistersOutOfResetSayWhatIsThere(int register, uint value) =>
        Assert.That(_rig.Read(register), Is.EqualTo(value));

    [Test]
    public void WhatIsNotListedReadsZeroAndIgnoresWrites()
    {
        int[] holes =
        [
            0x24, 0x80, 0xffc, EpcRegister.Doorbell + 4, EpcRegister.DmaBase + 0x24, EpcRegister.DmaBase + (16 * 0x80),
            EpcRegister.OutboundBase + 0x20, EpcRegister.OutboundBase + (256 * 0x40), 0xffffc,
            EpcRig.Function(0, 0x20), EpcRig.Function(0, 0x118), EpcRig.Function(0, 0x1c0), EpcRig.Function(0, 0x218),
            EpcRig.Function(0, 0xa00), EpcRig.Function(0, 0xffc), EpcRig.Function(8, 0), 0x1ffffc,
        ];
        foreach (int hole in holes)
        {
            _rig.Write(hole, uint.MaxValue);
            Assert.That(_rig.Read(hole), Is.Zero, $"0x{hole:x}");
        }

        Assert.That(_rig.Guest.Fired(17), Is.Zero, "only the doorbell rings");
    }

    [Test]
    public void AccessesOfOtherSizesReadBytesAndWriteNothing()
    {
        byte[] two = new byte[2];
        _rig.Device.ReadRegion(EpcRegister.BarRegs, EpcRegister.Id + 1, two);
        Assert.That(two, Is.EqualTo("PF"u8.ToArray()));

        _rig.Write(EpcRegister.Scratch, 0x1234_5678);
        Assert.That(
            _rig.Device.WriteRegion(EpcRegister.BarRegs, EpcRegister.Scratch + 1, new byte[2]), Is.EqualTo(Errno.None));
        Assert.That(_rig.Read(EpcRegister.Scratch), Is.EqualTo(0x1234_5678));
    }

    [Test]
    public void EightByteWritesAreTwoRegisters()
    {
        int register = EpcRig.Outbound(3, EpcRegister.OutboundAddressLo);
        _rig.Write64(register, 0x1122_3344_5566_7788);

        Assert.That(_rig.Read(register), Is.EqualTo(0x5566_7788));
        Assert.That(_rig.Read(register + 4), Is.EqualTo(0x1122_3344));
    }

    [Test]
    public void TheGuestRingsTheDoorbellItself()
    {
        _rig.Write(EpcRegister.Doorbell, 0);
        Assert.That(_rig.Guest.Fired(17), Is.EqualTo(1));
    }
}
