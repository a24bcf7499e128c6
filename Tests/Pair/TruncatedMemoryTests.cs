using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>A guest's QEMU shares memory that is not sealed, and truncates it: reads give all ones, and the rest works
/// on.</summary>
internal sealed class TruncatedMemoryTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const ulong Elsewhere = 0x2000_0000;
    private const int Size = 0x1_0000;

    [Test]
    public void HostMemoryThatShrinksReadsAllOnes()
    {
        HostGuest host = BringUp();
        using var file = Memfd.Create(Size, canShrink: true);
        byte[] data = TestBytes.From(1, 64);
        file.Write(0, data);
        host.MapFile(file.Descriptor, Elsewhere, Size);
        Ep.MapOutbound(0, 0, Size, Elsewhere);
        Ep.MapOutbound(1, Size, Size, 0x20_0000);
        Assert.That(Ep.ReadWindow(0, 64), Is.EqualTo(data));
        file.Resize(0);
        for (int i = 0; i < 20; i++)
        {
            Assert.That(Ep.ReadWindow(0, 64), Is.All.EqualTo(byte.MaxValue));
            Ep.WriteWindow(0, data);
        }

        Assert.That(() => file.Read(0, 1), Throws.InstanceOf<EndOfStreamException>(), "it was made to grow");
        Ep.WriteWindow(Size, data);
        Assert.That(Ep.ReadWindow(Size, 64), Is.EqualTo(data), "other memory");
    }

    [Test]
    public void BarWhoseMemoryShrinksReadsAllOnes()
    {
        using var file = Memfd.Create(Size, canShrink: true);
        byte[] data = TestBytes.From(1, 64);
        file.Write(0, data);
        Ep.MapFile(file.Descriptor, Elsewhere, Size);
        Ep.SetUp(0);
        Ep.SetBar(0, 2, Size, 0, (0, Size, Elsewhere));
        Ep.LinkUp();
        HostGuest host = ConnectHost();
        Assert.That(host.Read(2, 0, 64), Is.EqualTo(data));
        file.Resize(0);
        for (int i = 0; i < 20; i++)
        {
            Assert.That(host.Read(2, 0, 64), Is.All.EqualTo(byte.MaxValue));
            host.Write(2, 0, data);
        }

        host.WriteThrough(0, 0, 0x1234_5678);
        Assert.That(host.Read32(0, 0), Is.EqualTo(0x1234_5678), "another BAR");
    }
}
