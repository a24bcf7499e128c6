using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;
using Microsoft.Win32.SafeHandles;

namespace EpfTest.Unit.VfioUser;

/// <summary>VFIO_USER_DEVICE_GET_REGION_INFO.</summary>
internal sealed class RegionInfoTests : ConnectedFixture
{
    private const uint Read = 1;
    private const uint Write = 2;
    private const uint Mmap = 4;
    private const uint Capabilities = 8;

    [TestCase(TestDevice.Small, Read | Write, (ulong)TestDevice.SmallSize)]
    [TestCase(TestDevice.Absent, 0u, 0ul)]
    [TestCase(TestDevice.ReadOnlyInfo, Read, (ulong)TestDevice.SmallSize)]
    [TestCase(TestDevice.Large, Read | Write, (ulong)TestDevice.LargeSize)]
    public void PlainRegionIsItsSizeAndFlags(int index, uint flags, ulong size)
    {
        byte[] expected = Info(32, flags, (uint)index, 0, size, 0);
        foreach (uint argsz in new uint[] { 32, 40, uint.MaxValue })
        {
            RawMessage reply = Client.Call(RawCommand.GetRegionInfo, RawPayload.RegionInfo((uint)index, argsz));
            Assert.That(reply.Payload, Is.EqualTo(expected));
            Assert.That(reply.Descriptors, Is.Empty);
        }
    }

    [TestCase(0u, 31u)]
    [TestCase(0u, 0u)]
    [TestCase(9u, 32u)]
    [TestCase(uint.MaxValue, 32u)]
    public void BadRequestIsRefused(uint index, uint argsz) =>
        Assert.That(
            Client.Try(RawCommand.GetRegionInfo, RawPayload.RegionInfo(index, argsz)), Is.EqualTo(Errno.EINVAL));

    [TestCase(32u)]
    [TestCase(79u)]
    public void MappableRegionTellsHowMuchRoomItsCapabilitiesNeed(uint argsz)
    {
        RawMessage reply = Client.Call(RawCommand.GetRegionInfo, RawPayload.RegionInfo(TestDevice.Mappable, argsz));
        Assert.That(
            reply.Payload,
            Is.EqualTo(Info(80, Read | Write | Mmap, TestDevice.Mappable, 0, TestDevice.MappableSize, 0x8000)));
    }

    [TestCase(80u)]
    [TestCase(4096u)]
    public void MappableRegionGivesItsAreasAndTheFileThatHoldsThem(uint argsz)
    {
        RawMessage reply = Client.Call(RawCommand.GetRegionInfo, RawPayload.RegionInfo(TestDevice.Mappable, argsz));
        byte[] sparseMmap = new WireBytes()
            .U16(1, 1)
            .U32(0, 2, 0)
            .U64(0x2000, 0x1000, 0x4000, 0x2000)
            .ToArray();
        byte[] info = Info(
            80, Read | Write | Mmap | Capabilities, TestDevice.Mappable, 32, TestDevice.MappableSize, 0x8000);
        Assert.That(reply.Payload, Is.EqualTo(info.Concat(sparseMmap)));
        Assert.That(reply.Descriptors, Has.Count.EqualTo(1));

        using var file = new SafeFileHandle(reply.Descriptors[0].Number, ownsHandle: false);
        RandomAccess.Write(file, [1, 2, 3, 4], 0x8000 + 0x2000);
        Assert.That(Device.MappableFile.Read(0x8000 + 0x2000, 4), Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
    }

    private static byte[] Info(uint argsz, uint flags, uint index, uint capOffset, ulong size, ulong offset) =>
        new WireBytes().U32(argsz, flags, index, capOffset).U64(size, offset).ToArray();
}
