using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.VfioUser;

/// <summary>VFIO_USER_REGION_READ and VFIO_USER_REGION_WRITE.</summary>
internal sealed class RegionAccessTests : ConnectedFixture
{
    private const uint Small = TestDevice.Small;
    private const uint Size = TestDevice.SmallSize;

    private static IEnumerable<TestCaseData> BadAccesses()
    {
        yield return Case("beyond the end", Small, Size, 1);
        yield return Case("across the end", Small, Size - 3, 4);
        yield return Case("wrapping", Small, ulong.MaxValue - 1, 4);
        yield return Case("offset and count overflow 64 bits", Small, ulong.MaxValue, 1);
        yield return Case("absent region", TestDevice.Absent, 0, 4);
        yield return Case("no such region", 9, 0, 4);
        yield return Case("index with the sign bit", 0x80000000, 0, 4);
        yield return Case("count with the sign bit", TestDevice.Large, 0, 0x80000000);
        yield return Case("more than a message carries", TestDevice.Large, 0, (1 << 20) + 1);

        static TestCaseData Case(string name, uint region, ulong offset, uint count) =>
            new TestCaseData(region, offset, count).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(BadAccesses))]
    public void AccessOutsideOfARegionIsRefused(uint region, ulong offset, uint count)
    {
        byte[] header = RawPayload.RegionAccess(region, offset, count);
        Assert.That(Client.Try(RawCommand.RegionRead, header), Is.EqualTo(Errno.EINVAL));
        Assert.That(
            Client.Try(RawCommand.RegionWrite, [.. header, .. new byte[Math.Min(count, 8)]]), Is.EqualTo(Errno.EINVAL));
        Assert.That(Device.Calls, Has.None.StartsWith("write"));
    }

    [TestCase(0ul, 1u)]
    [TestCase(0ul, Size)]
    [TestCase(Size - 1ul, 1u)]
    [TestCase(3ul, 13u)]
    public void WhatWasWrittenIsRead(ulong offset, uint count)
    {
        byte[] data = Pattern((int)count);
        RawMessage reply = Client.Call(RawCommand.RegionWrite, RawPayload.RegionAccess(Small, offset, count, data));
        Assert.That(reply.Payload, Is.EqualTo(RawPayload.RegionAccess(Small, offset, count)));
        Assert.That(Device.Contents(TestDevice.Small).AsSpan((int)offset, (int)count).ToArray(), Is.EqualTo(data));
        Assert.That(Client.ReadRegion(Small, offset, count), Is.EqualTo(data));
    }

    [Test]
    public void MebibyteGoesThroughInOneMessage()
    {
        byte[] data = Pattern(1 << 20);
        byte[] write = RawPayload.RegionAccess(TestDevice.Large, 1 << 20, 1 << 20, data);
        Assert.That(Client.Try(RawCommand.RegionWrite, write), Is.EqualTo(Errno.None));
        Assert.That(Client.ReadRegion(TestDevice.Large, 1 << 20, 1 << 20), Is.EqualTo(data));
    }

    [TestCase(3)]
    [TestCase(5)]
    [TestCase(0)]
    public void WriteWhoseDataIsNotWhatItCountsIsRefused(int length) =>
        Assert.That(
            Client.Try(RawCommand.RegionWrite, RawPayload.RegionAccess(Small, 0, 4, new byte[length])),
            Is.EqualTo(Errno.EINVAL));

    [Test]
    public void AccessOfNothingSucceedsWithoutTheDevice()
    {
        Device.OnRead = () => Errno.EIO;
        Assert.That(Client.Try(RawCommand.RegionRead, RawPayload.RegionAccess(Small, Size, 0)), Is.EqualTo(Errno.None));
        Assert.That(Client.Try(RawCommand.RegionWrite, RawPayload.RegionAccess(Small, 0, 0)), Is.EqualTo(Errno.None));
        Assert.That(
            Client.Try(RawCommand.RegionRead, RawPayload.RegionAccess(TestDevice.Absent, 0, 0)), Is.EqualTo(
                Errno.None));
        Assert.That(Device.Calls, Has.None.StartsWith("write"));
    }

    [TestCase(RawCommand.RegionRead)]
    [TestCase(RawCommand.RegionWrite)]
    public void ShortRequestIsRefused(ushort command) =>
        Assert.That(Client.Try(command, new byte[15]), Is.EqualTo(Errno.EINVAL));

    [Test]
    public void ErrorOfTheDeviceReachesTheClient()
    {
        Device.OnRead = () => Errno.EIO;
        Device.OnWrite = () => Errno.EBUSY;
        byte[] access = RawPayload.RegionAccess(Small, 0, 1);
        Assert.That(Client.Try(RawCommand.RegionRead, access), Is.EqualTo(Errno.EIO));
        Assert.That(Client.Try(RawCommand.RegionWrite, [.. access, 1]), Is.EqualTo(Errno.EBUSY));
    }

    [Test]
    public void SeveralWritesInOneMessageAreRefusedAsTheyAreNotOffered()
    {
        byte[] writes = [.. new WireBytes().U64(1).ToArray(), .. RawPayload.RegionAccess(Small, 0, 4, new byte[8])];
        Assert.That(Client.Try(RawCommand.RegionWriteMulti, writes), Is.EqualTo(Errno.EINVAL));
        Assert.That(Device.Calls, Has.None.StartsWith("write"));
    }

    private static byte[] Pattern(int length) =>
        [.. Enumerable.Range(0, length).Select(i => (byte)((i * 7) + (i >> 8) + 1))];
}
