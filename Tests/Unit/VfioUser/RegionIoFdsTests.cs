using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.VfioUser;

/// <summary>VFIO_USER_DEVICE_GET_REGION_IO_FDS.</summary>
internal sealed class RegionIoFdsTests : ConnectedFixture
{
    private const uint FullSize = 16 + (3 * 40);

    [Test]
    public void DescriptorThatPartsOfARegionShareComesOnce()
    {
        RawMessage reply = Client.Call(RawCommand.GetRegionIoFds, RawPayload.RegionIoFds(TestDevice.Small));
        byte[] expected = new WireBytes()
            .U32(FullSize, 0, TestDevice.Small, 3)
            .U64(0x10, 4).U32(0, 0, 0, 0).U64(0)
            .U64(0x20, 8).U32(1, 0, 1, 0).U64(0x1122334455667788)
            .U64(0x30, 0).U32(0, 0, 0, 0).U64(0)
            .ToArray();
        Assert.That(reply.Payload, Is.EqualTo(expected));
        Assert.That(reply.Descriptors, Has.Count.EqualTo(2));

        using EventFd doorbell = EventFd.TryAdopt(Tmds.Linux.LibC.dup(reply.Descriptors[1].Number))!;
        doorbell.Signal();
        Assert.That(Device.Doorbells.Select(signal => signal.Drain()), Is.EqualTo(new ulong[] { 0, 1 }));
    }

    [TestCase(16u)]
    [TestCase(FullSize - 1)]
    public void ReplyWithoutRoomForThePartsTellsHowMuchTheyNeed(uint argsz)
    {
        RawMessage reply = Client.Call(RawCommand.GetRegionIoFds, RawPayload.RegionIoFds(TestDevice.Small, argsz));
        Assert.That(reply.Payload, Is.EqualTo(new WireBytes().U32(FullSize, 0, TestDevice.Small, 3).ToArray()));
        Assert.That(reply.Descriptors, Is.Empty);
    }

    [Test]
    public void RegionWithoutSignalsHasNone()
    {
        RawMessage reply = Client.Call(RawCommand.GetRegionIoFds, RawPayload.RegionIoFds(TestDevice.Large));
        Assert.That(reply.Payload, Is.EqualTo(new WireBytes().U32(16, 0, TestDevice.Large, 0).ToArray()));
        Assert.That(reply.Descriptors, Is.Empty);
    }

    [TestCase((uint)TestDevice.Small, 15u, 0u, 0u, TestName = "{m}(too little room)")]
    [TestCase((uint)TestDevice.Small, 1048577u, 0u, 0u, TestName = "{m}(too much room)")]
    [TestCase((uint)TestDevice.Small, 512u, 1u, 0u, TestName = "{m}(flags)")]
    [TestCase((uint)TestDevice.Small, 512u, 0u, 1u, TestName = "{m}(count)")]
    [TestCase((uint)TestDevice.Absent, 512u, 0u, 0u, TestName = "{m}(absent region)")]
    [TestCase(512u, 512u, 0u, 0u, TestName = "{m}(index out of range)")]
    public void BadRequestIsRefused(uint index, uint argsz, uint flags, uint count) =>
        Assert.That(
            Client.Try(RawCommand.GetRegionIoFds, RawPayload.RegionIoFds(index, argsz, flags, count)),
            Is.EqualTo(Errno.EINVAL));
}
