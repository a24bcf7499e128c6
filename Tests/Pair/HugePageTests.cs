using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>Guests whose memory is in huge pages: hugetlb=on, or a file of /dev/hugepages, which can shrink.</summary>
internal sealed class HugePageTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const ulong Elsewhere = 0x2000_0000;

    // From a page of 4 KiB before the end of a huge page into the next.
    private const int Size = 0x2000;
    private static readonly ulong s_start = (ulong)HugePages.Size - 0x1000;

    private HugePages _pages = null!;
    private Memfd _memory = null!;

    [SetUp]
    public void TakePages() => _pages = new HugePages(2);

    [TearDown]
    public void ReturnPages()
    {
        _memory?.Dispose();
        _pages?.Dispose();
    }

    [Test]
    public void EpReachesTheHostsMemory([Values] bool canShrink)
    {
        HostGuest host = BringUp();
        MapHugePages(host, canShrink);
        Ep.MapOutbound(0, 0, Size, Elsewhere + s_start);
        var channel = new EpDmaChannel(Ep, 0);
        for (int length = 1; length <= Size; length *= 2)
        {
            byte[] data = TestBytes.From((ulong)length, length);
            ulong offset = (ulong)(Size - length) / 2;
            Ep.WriteWindow(offset, data);
            Assert.That(Ep.ReadWindow(offset, length), Is.EqualTo(data), "by the window");
            Assert.That(_memory.Read((long)(s_start + offset), length), Is.EqualTo(data));

            data = TestBytes.From((ulong)length + 1, length);
            Ep.Store(0x80_0000, data);
            Assert.That(
                channel.Run(0x80_0000, Elsewhere + s_start + offset, length, EpDmaChannel.ToHost),
                Is.EqualTo(EpcRegister.DescStatusDone));

            // On the TLP path the write is posted; the read does not pass it.
            Assert.That(
                channel.Run(Elsewhere + s_start + offset, 0x90_0000, length, EpDmaChannel.FromHost),
                Is.EqualTo(EpcRegister.DescStatusDone));
            Assert.That(Ep.Load(0x90_0000, length), Is.EqualTo(data), "by DMA");
            Assert.That(_memory.Read((long)(s_start + offset), length), Is.EqualTo(data), "by DMA");
        }

        Assert.That(host.Status & 0xf900, Is.Zero, "no error is recorded");
    }

    [Test]
    public void HostReachesTheEpsMemory([Values] bool canShrink)
    {
        MapHugePages(Ep, canShrink);
        Ep.SetUp(0);
        Ep.SetBar(0, 2, EpGuest.BarSize, 0, (0, EpGuest.BarSize, Elsewhere + s_start));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        var channel = new EpDmaChannel(Ep, 0);
        for (int length = 1; length <= Size; length *= 2)
        {
            byte[] data = TestBytes.From((ulong)length, length);
            ulong offset = (ulong)(Size - length) / 2;
            host.Write(2, offset, data);
            Assert.That(host.Read(2, offset, length), Is.EqualTo(data));
            Assert.That(_memory.Read((long)(s_start + offset), length), Is.EqualTo(data));

            data = TestBytes.From((ulong)length + 1, length);
            host.Store(0x20_0000, data);
            Assert.That(
                channel.Run(0x20_0000, Elsewhere + s_start + offset, length, EpDmaChannel.FromHost),
                Is.EqualTo(EpcRegister.DescStatusDone));
            Assert.That(_memory.Read((long)(s_start + offset), length), Is.EqualTo(data), "by DMA");
        }
    }

    private void MapHugePages(GuestClient guest, bool canShrink)
    {
        _memory = Memfd.Create(2L * HugePages.Size, canShrink, huge: true);
        guest.MapFile(_memory.Descriptor, Elsewhere, 2 * (ulong)HugePages.Size);
        guest.ReadConfig(0);
        Assert.That(Logger.Has("hugetlb=on"), Is.EqualTo(canShrink), "the log says what to change");
    }
}
