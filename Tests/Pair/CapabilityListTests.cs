using EpfTest.EpfBridge;

namespace EpfTest.Tests.Pair;

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
    }

    [Test]
    public void AListThatHasNoEndIsGivenUp()
    {
        byte[] config = List(0x01, 0x05);
        config[0x51] = 0x40;
        Assert.That(() => CapabilityList.Unlink(config, 0x11), Throws.Nothing);
        Array.Fill(config, byte.MaxValue);
        Assert.That(() => CapabilityList.Unlink(config, 0x11), Throws.Nothing);
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
