using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal sealed class CapabilityListTests
{
    [TestCase(0x11, new byte[] { 0x01, 0x05, 0x10 })]
    [TestCase(0x01, new byte[] { 0x05, 0x11, 0x10 })]
    [TestCase(0x10, new byte[] { 0x01, 0x05, 0x11 })]
    [TestCase(0x09, new byte[] { 0x01, 0x05, 0x11, 0x10 })]
    public void ACapabilityIsTakenOut(byte id, byte[] left)
    {
        byte[] config = List(0x01, 0x05, 0x11, 0x10);
        CapabilityList.Unlink(config, id);
        List<byte> found = [];
        for (int at = config[0x34]; at != 0; at = config[at + 1])
        {
            found.Add(config[at]);
        }

        Assert.That(found, Is.EqualTo(left));
        Assert.That(CapabilityList.Find(config, id), Is.Zero);
    }

    [TestCase(0x01, 0x40)]
    [TestCase(0x10, 0x70)]
    [TestCase(0x09, 0)]
    public void ACapabilityIsFound(byte id, int offset) =>
        Assert.That(CapabilityList.Find(List(0x01, 0x05, 0x11, 0x10), id), Is.EqualTo(offset));

    [TestCase((ushort)0x0001, 0x100)]
    [TestCase((ushort)0x0003, 0xffc)]
    [TestCase((ushort)0x0004, 0)]
    public void AnExtendedCapabilityIsFound(ushort id, int offset)
    {
        byte[] config = new byte[4096];
        BitConverter.TryWriteBytes(config.AsSpan(0x100), 0xffc1_0001);
        BitConverter.TryWriteBytes(config.AsSpan(0xffc), 0x0001_0003);
        Assert.That(CapabilityList.FindExtended(config, id), Is.EqualTo(offset));
    }

    [Test]
    public void AListThatHasNoEndIsGivenUp()
    {
        byte[] config = List(0x01, 0x05);
        config[0x51] = 0x40;
        BitConverter.TryWriteBytes(config.AsSpan(0x100), 0x1001_0001);
        ExpectNothing(config);
        Array.Fill(config, byte.MaxValue);
        ExpectNothing(config);
    }

    private static void ExpectNothing(byte[] config)
    {
        byte[] before = [.. config];
        Assert.That(CapabilityList.Find(config, 0x11), Is.Zero);
        Assert.That(CapabilityList.FindExtended(config, 0x0003), Is.Zero);
        CapabilityList.Unlink(config, 0x11);
        Assert.That(config, Is.EqualTo(before));
    }

    private static byte[] List(params byte[] ids)
    {
        byte[] config = new byte[4096];
        config[0x34] = 0x40;
        for (int i = 0; i < ids.Length; i++)
        {
            config[0x40 + (i * 0x10)] = ids[i];
            config[0x41 + (i * 0x10)] = (byte)(i + 1 < ids.Length ? 0x50 + (i * 0x10) : 0);
        }

        return config;
    }
}
