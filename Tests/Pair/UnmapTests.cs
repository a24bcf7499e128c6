using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>
/// Once QEMU has the reply to an unmap, nothing is written to what it covered: neither by an access that was under way,
/// nor to any other of the ranges in it.
/// </summary>
[Category("Stress")]
internal sealed class UnmapTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const int Rounds = 20;
    private const ulong Elsewhere = 0x2000_0000;
    private const ulong ElsewhereFile = 0xc0_0000;
    private const int Size = 0x10_0000;
    private const int Tail = 0x1000;

    // As with an IOMMU in the guest, where an unmap covers more than the ranges in it.
    private const ulong Around = 0x2000_0000;
    private const ulong AroundSize = 0x2000_0000;

    [TestCase(1, Elsewhere, (ulong)Size)]
    [TestCase(4, Elsewhere, (ulong)Size)]
    [TestCase(64, Around, AroundSize)]
    public void NothingIsWrittenToTheHostsMemory(int ranges, ulong unmapped, ulong unmappedSize)
    {
        const ulong Source = 0x80_0000;
        HostGuest host = BringUp();
        Ep.MapOutbound(0, 0, Size, Elsewhere);
        var channel = new EpDmaChannel(Ep, 0);
        using var dma = new StressLoop(round =>
        {
            Copy(channel, Ep, Source, round, EpDmaChannel.ToHost);

            // Pushes what was posted.
            channel.Run(Elsewhere, Source, 1, EpDmaChannel.FromHost);
        });
        using var window = new StressLoop(round =>
        {
            Ep.WriteWindow(Size / 2, BitConverter.GetBytes(round));
            Ep.ReadWindow(0, 1);
        });
        ExpectNothingAfterUnmap(host, ranges, unmapped, unmappedSize, dma, window);
    }

    [TestCase(1, Elsewhere, (ulong)Size)]
    [TestCase(64, Around, AroundSize)]
    public void DmaWritesNothingToTheEpsMemory(int ranges, ulong unmapped, ulong unmappedSize)
    {
        HostGuest host = BringUp();
        var channel = new EpDmaChannel(Ep, 0);
        using var dma = new StressLoop(round => Copy(channel, host, 0x20_0000, round, EpDmaChannel.FromHost));
        ExpectNothingAfterUnmap(Ep, ranges, unmapped, unmappedSize, dma);
    }

    /// <summary>Copies two buffers in turn, so that an unmap meets a copy, and the copy changes each byte.</summary>
    private static void Copy(EpDmaChannel channel, GuestClient owner, ulong source, int round, uint flags)
    {
        const int Copies = 8;
        byte[] data = new byte[Size];
        for (int i = 0; i < 2; i++)
        {
            data.AsSpan().Fill((byte)((2 * round) + i));
            owner.Store(source + (ulong)(i * Size), data);
        }

        for (int i = 0; i < Copies; i++)
        {
            channel.Submit(source + (ulong)(i % 2 * Size), Elsewhere, Size, flags, start: i == Copies - 1);
        }

        channel.Finish();
    }

    private static void ExpectNothingAfterUnmap(
        GuestClient guest, int ranges, ulong unmapped, ulong unmappedSize, params StressLoop[] loops)
    {
        for (int round = 0; round < Rounds; round++)
        {
            byte[] before = guest.Load(ElsewhereFile, Size);
            guest.Map(Elsewhere, Size, ElsewhereFile, ranges);
            Array.ForEach(loops, static loop => loop.WaitForMore());
            guest.Unmap(unmapped, unmappedSize);

            // The end first, where a copy that is still under way has not been.
            byte[] end = guest.Load(ElsewhereFile + Size - Tail, Tail);
            byte[] all = guest.Load(ElsewhereFile, Size);
            Assert.That(all.AsSpan().SequenceEqual(before), Is.False, "writes arrive while it is mapped");
            Array.ForEach(loops, static loop => loop.WaitForMore());
            byte[] now = guest.Load(ElsewhereFile, Size);
            Assert.That(now.AsSpan(Size - Tail).SequenceEqual(end), Is.True, $"round {round}: its end");
            Assert.That(now.AsSpan().SequenceEqual(all), Is.True, $"round {round}");
        }
    }
}
