using System.Buffers.Binary;
using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;
using Microsoft.Win32.SafeHandles;

namespace EpfTest.Pair;

/// <summary>BARs that the host's QEMU maps (--map-bars).</summary>
[TestFixture(DataPath.Direct)]
internal sealed class MappedBarTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const uint MmapFlag = 1 << 2;
    private const uint Busy = 4;

    protected override bool MapBars => true;

    [Test]
    public void TheControllerSaysThatTranslationsStay() =>
        Assert.That(
            Ep[EpcRegister.FeaturesLo] & (EpcRegister.FeatureDynamicInbound | EpcRegister.FeatureSubrangeInbound
                | EpcRegister.FeatureDoorbell),
            Is.Zero);

    [Test]
    public void AMappedBarIsTheEpGuestsMemory()
    {
        HostGuest host = BringUp();
        (byte[] info, FileDescriptor? file) = host.RegionInfo(2);
        using FileDescriptor owned = file!;
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(4)) & MmapFlag, Is.Not.Zero);
        int area = BinaryPrimitives.ReadInt32LittleEndian(info.AsSpan(12)) + 16;
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(info.AsSpan(area)), Is.Zero, "its offset");
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(info.AsSpan(area + 8)), Is.EqualTo(EpGuest.BarSize));

        using var memory = new SafeFileHandle(owned.Number, ownsHandle: false);
        long start = BinaryPrimitives.ReadInt64LittleEndian(info.AsSpan(24));
        RandomAccess.Write(memory, "mapped"u8, start + 0x123);
        Assert.That(Ep.Load(EpGuest.TargetOf(0, 2) + 0x123, 6), Is.EqualTo("mapped"u8.ToArray()));
        Assert.That(host.Read(2, 0x123, 6), Is.EqualTo("mapped"u8.ToArray()), "trapped accesses go on");
    }

    [Test]
    public void OnlyWholeHugePagesAreMapped()
    {
        const ulong Elsewhere = 0x2000_0000;
        using var pages = new HugePages(2);
        ulong page = (ulong)HugePages.Size;
        using var memory = Memfd.Create(2 * (long)page, huge: true);
        Ep.MapFile(memory.Descriptor, Elsewhere, 2 * page);
        Ep.SetUp(0);
        Ep.SetBar(0, 1, page, 0, (0, page, Elsewhere + EpGuest.BarSize));
        Ep.SetBar(0, 2, page, 0, (0, page, Elsewhere + page));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        (byte[] info, FileDescriptor? file) = host.RegionInfo(1);
        using FileDescriptor? none = file;
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(4)) & MmapFlag, Is.Zero, "across two pages");
        (info, file) = host.RegionInfo(2);
        using FileDescriptor? owned = file;
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(4)) & MmapFlag, Is.Not.Zero, "a whole page");
    }

    [Test]
    public void OnlyAWholePageAlignedRangeOfSharedMemoryIsMapped()
    {
        Ep.MapPrivateMemory();
        Ep.SetUp(0);
        Ep.SetBar(
            0, 0, EpGuest.BarSize, 0, (0, 0x8000, EpGuest.TargetOf(0, 0)), (0x8000, 0x8000, EpGuest.TargetOf(0, 1)));
        Ep.SetBar(0, 1, EpGuest.BarSize, 0, (0, EpGuest.BarSize, EpGuest.TargetOf(0, 1) + 0x10));
        Ep.SetBar(0, 2, EpGuest.BarSize, 0, (0, EpGuest.BarSize, GuestClient.PrivateStart));
        Ep.SetBar(0, 3, EpGuest.BarSize, EpcRegister.FnBarFlagIo, (0, EpGuest.BarSize, EpGuest.TargetOf(0, 3)));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        for (uint bar = 0; bar < 4; bar++)
        {
            (byte[] info, FileDescriptor? file) = host.RegionInfo(bar);
            Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(4)) & MmapFlag, Is.Zero, $"BAR {bar}");
            Assert.That(file, Is.Null);
        }
    }

    [Test]
    public void WhileTheHostHasItAMappedBarStaysWhatItIs()
    {
        HostGuest host = BringUp();
        Assert.That(Commit(EpGuest.TargetOf(0, 3)), Is.EqualTo(Busy));
        Assert.That(Commit(EpGuest.TargetOf(0, 2)), Is.Zero, "what it is already");
        host.Store(0, [1]);
        host.Write32(2, 0, 0x1234_5678);
        Assert.That(Ep.Load32(EpGuest.TargetOf(0, 2)), Is.EqualTo(0x1234_5678), "nothing changed");

        host.Dispose();
        Wait.Until(() => Commit(EpGuest.TargetOf(0, 3)) == 0, "the host has let go");
        Ep.LinkDown();
        Assert.That(Failures, Is.Empty);
    }

    [Test]
    public void AHostThatHasJustLeftHasNothingMapped()
    {
        HostGuest host = BringUp();
        host.Dispose();
        Ep.LinkDown();
        Assert.That(Failures, Is.Empty);
    }

    [Test]
    public void AnEndpointThatStopsUnderTheHostEndsThePair()
    {
        BringUp();
        Ep.LinkDown();
        Assert.That(Failures, Has.One.Contains("device_del"));
    }

    [Test]
    public void MemoryThatGoesUnderTheHostEndsThePair()
    {
        BringUp();
        Ep.Unmap(0, GuestClient.SharedSize);
        Assert.That(Failures, Has.Some.Contains("has lost memory"));
    }

    private uint Commit(ulong target) =>
        (uint)Ep.TrySetBar(0, 2, EpGuest.BarSize, 0, (0, EpGuest.BarSize, target));
}
