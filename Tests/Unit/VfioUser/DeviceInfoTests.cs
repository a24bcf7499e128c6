using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.VfioUser;

/// <summary>VFIO_USER_DEVICE_GET_INFO and VFIO_USER_DEVICE_GET_IRQ_INFO.</summary>
internal sealed class DeviceInfoTests : ConnectedFixture
{
    private const uint EventFd = 1;
    private const uint Maskable = 2;
    private const uint AutoMasked = 4;

    [TestCase(16u)]
    [TestCase(4096u)]
    public void DeviceInfoCountsRegionsAndInterruptTypes(uint argsz)
    {
        RawMessage reply = Client.Call(RawCommand.GetInfo, RawPayload.DeviceInfo(argsz));
        Assert.That(reply.Payload, Is.EqualTo(new WireBytes().U32(16, 3, 9, 5).ToArray()));
    }

    [Test]
    public void DeviceInfoWithoutRoomForTheReplyIsRefused() =>
        Assert.That(Client.Try(RawCommand.GetInfo, RawPayload.DeviceInfo(15)), Is.EqualTo(Errno.EINVAL));

    [TestCase(RawCommand.GetInfo)]
    [TestCase(RawCommand.GetRegionInfo)]
    [TestCase(RawCommand.GetIrqInfo)]
    public void ShortRequestIsRefused(ushort command)
    {
        Assert.That(Client.Try(command, new byte[8]), Is.EqualTo(Errno.EINVAL));
        Assert.That(Client.Try(command, []), Is.EqualTo(Errno.EINVAL));
    }

    [TestCase(RawIrq.Intx, EventFd | Maskable | AutoMasked, 1u)]
    [TestCase(RawIrq.Msi, EventFd | Maskable, 32u)]
    [TestCase(RawIrq.Msix, EventFd | Maskable, 2048u)]
    [TestCase(RawIrq.Err, EventFd, 1u)]
    [TestCase(RawIrq.Req, EventFd, 1u)]
    public void IrqInfoTellsCountAndKind(uint index, uint flags, uint count)
    {
        byte[] expected = new WireBytes().U32(16, flags, index, count).ToArray();
        Assert.That(Client.Call(RawCommand.GetIrqInfo, RawPayload.IrqInfo(index)).Payload, Is.EqualTo(expected));
        Assert.That(Client.Call(RawCommand.GetIrqInfo, RawPayload.IrqInfo(index, 32)).Payload, Is.EqualTo(expected));
    }

    [TestCase(5u, 16u)]
    [TestCase(uint.MaxValue, 16u)]
    [TestCase(RawIrq.Req, 8u)]
    public void BadIrqInfoIsRefused(uint index, uint argsz) =>
        Assert.That(Client.Try(RawCommand.GetIrqInfo, RawPayload.IrqInfo(index, argsz)), Is.EqualTo(Errno.EINVAL));
}
