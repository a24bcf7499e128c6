using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>The EP's accesses to the host: the outbound window and the DMA engine.</summary>
internal sealed class OutboundTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const ulong HostBuffer = 0x20_0000;
    private const ulong EpBuffer = 0x80_0000;
    private const ulong ElsewhereFile = 0xc0_0000;
    private const ulong Elsewhere = 0x2000_0000;
    private const int ElsewhereSize = 0x10_0000;

    [TestCase(0u, 1)]
    [TestCase(3u, 1)]
    [TestCase(2u, 2)]
    [TestCase(4u, 4)]
    [TestCase(8u, 8)]
    [TestCase(5u, 8)]
    [TestCase(0xfffu, 2)]
    [TestCase(1u, 70_000)]
    [TestCase(0u, 1 << 20)]
    public void WindowReachesTheHostsMemory(uint offset, int length)
    {
        HostGuest host = BringUp();
        Ep.MapOutbound(0, 0x10_0000, 0x20_0000, HostBuffer);
        byte[] data = TestBytes.From(offset, length);
        host.Store(HostBuffer + offset, data);
        Assert.That(Ep.ReadWindow(0x10_0000 + offset, length), Is.EqualTo(data));
        data = TestBytes.From(offset + 1, length);
        Ep.WriteWindow(0x10_0000 + offset, data);

        // The read pushes the write.
        Assert.That(Ep.ReadWindow(0x10_0000 + offset, length), Is.EqualTo(data));
        Assert.That(host.Load(HostBuffer + offset, length), Is.EqualTo(data));
    }

    [Test]
    public void AccessMaySpanTranslations()
    {
        HostGuest host = BringUp();
        Ep.MapOutbound(7, 0x1000, 0x1000, 0x30_0000);
        Ep.MapOutbound(3, 0x2000, 0x0ff0, 0x20_0004);
        Ep.MapOutbound(200, 0x3000, 0x1000, 0x40_0000);
        byte[] data = TestBytes.From(1, 0x2800);
        Ep.WriteWindow(0x1800, data);
        byte[] read = Ep.ReadWindow(0x1800, 0x2800);
        Assert.That(host.Load(0x30_0800, 0x800), Is.EqualTo(data[..0x800]));
        Assert.That(host.Load(0x20_0004, 0xff0), Is.EqualTo(data[0x800..0x17f0]));
        Assert.That(host.Load(0x40_0000, 0x1000), Is.EqualTo(data[0x1800..]));
        Assert.That(read[..0x17f0], Is.EqualTo(data[..0x17f0]));
        Assert.That(read[0x17f0..0x1800], Is.All.EqualTo(byte.MaxValue), "the gap");
        Assert.That(read[0x1800..], Is.EqualTo(data[0x1800..]));
    }

    [Test]
    public void UnmappedWindowReadsAllOnesAndDropsWrites()
    {
        HostGuest host = BringUp();
        Ep.MapOutbound(0, 0, 0x1000, HostBuffer);
        Ep.WriteWindow(0, [1, 2, 3, 4]);
        Assert.That(Ep.ReadWindow(0, 4), Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
        Ep.UnmapOutbound(0);
        Ep.WriteWindow(0, [5, 6, 7, 8]);
        Assert.That(Ep.ReadWindow(0, 64), Is.All.EqualTo(byte.MaxValue));
        Assert.That(host.Load(HostBuffer, 4), Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
    }

    [Test]
    public void AddressesThatTheHostHasNotAreAllOnes()
    {
        BringUp();
        Ep.MapOutbound(0, 0, 0x2000, GuestClient.SharedSize - 0x1000);
        Assert.That(Ep.ReadWindow(0xffc, 4), Is.Not.EqualTo(new byte[] { 255, 255, 255, 255 }));
        Assert.That(Ep.ReadWindow(0x1000, 4), Is.All.EqualTo(byte.MaxValue));
        Ep.WriteWindow(0x1000, [1, 2, 3, 4]);
        Assert.That(Ep.ReadWindow(0, 4), Is.All.Zero, "the link is up");
    }

    [Test]
    public void WithoutBusMasteringTheHostIsNotReached()
    {
        HostGuest host = BringUp();
        Ep.MapOutbound(0, 0, 0x1000, HostBuffer);
        var channel = new EpDmaChannel(Ep, 0);
        host.SetCommand(2);
        Ep.WriteWindow(0, [5, 6, 7, 8]);
        Assert.That(Ep.ReadWindow(0, 8), Is.All.EqualTo(byte.MaxValue));
        Assert.That(
            channel.Run(EpBuffer, HostBuffer, 16, EpDmaChannel.ToHost), Is.EqualTo(EpcRegister.DescStatusNotBusMaster));
        host.SetCommand(6);
        Assert.That(Ep.ReadWindow(0, 8), Is.All.Zero);
    }

    [TestCase(1)]
    [TestCase(7)]
    [TestCase(4095)]
    [TestCase(65_537)]
    [TestCase(4 << 20)]
    public void DmaMovesBytesBothWays(int length)
    {
        HostGuest host = BringUp();
        var channel = new EpDmaChannel(Ep, 2);
        ulong hostAddress = HostBuffer + 3;
        byte[] data = TestBytes.From((ulong)length, length);
        host.Store(hostAddress, data);
        Assert.That(
            channel.Run(hostAddress, EpBuffer, length, EpDmaChannel.FromHost), Is.EqualTo(EpcRegister.DescStatusDone));
        Assert.That(Ep.Load(EpBuffer, length).AsSpan().SequenceEqual(data), Is.True);
        data = TestBytes.From((ulong)length + 1, length);
        Ep.Store(EpBuffer + 1, data);
        channel.Submit(EpBuffer + 1, hostAddress, length, EpDmaChannel.ToHost);
        Assert.That(
            channel.Run(hostAddress, EpBuffer, 1, EpDmaChannel.FromHost), Is.EqualTo(EpcRegister.DescStatusDone));
        Assert.That(host.Load(hostAddress, length).AsSpan().SequenceEqual(data), Is.True);
    }

    [Test]
    public void DmaGoesThroughTheWindowAtBothEnds()
    {
        HostGuest host = BringUp();
        var channel = new EpDmaChannel(Ep, 3);
        Ep.MapOutbound(4, 0x10_0000, 0x1_0000, HostBuffer);
        Ep.MapOutbound(5, 0x11_0000, 0x1_0000, HostBuffer + 0x20_0000);
        Ep.MapOutbound(6, 0x20_0000, 0x2_0000, HostBuffer + 0x40_0000);
        byte[] data = TestBytes.From(7, 0x2_0000);
        host.Store(HostBuffer, data.AsSpan(0, 0x1_0000));
        host.Store(HostBuffer + 0x20_0000, data.AsSpan(0x1_0000));
        Assert.That(
            channel.Run(EpGuest.WindowAt + 0x10_0001, EpGuest.WindowAt + 0x20_0001, 0x1_fffe, 0),
            Is.EqualTo(EpcRegister.DescStatusDone));
        Assert.That(
            channel.Run(HostBuffer, EpBuffer, 1, EpDmaChannel.FromHost),
            Is.EqualTo(EpcRegister.DescStatusDone),
            "pushes");
        Assert.That(
            host.Load(HostBuffer + 0x40_0001, 0x1_fffe).AsSpan().SequenceEqual(data.AsSpan(1, 0x1_fffe)), Is.True);
        Assert.That(
            channel.Run(EpGuest.WindowAt + 0x20_0000, EpBuffer, 0x2_0001, 0),
            Is.EqualTo(EpcRegister.DescStatusSourceError),
            "the last byte has no translation");
    }

    [Test]
    public void NothingIsWrittenOnceTheTranslationIsGone()
    {
        const int Length = 0x10_0000;
        const int Descriptors = 60;
        HostGuest host = BringUp();
        var channel = new EpDmaChannel(Ep, 0);
        var pushing = new EpDmaChannel(Ep, 1);
        Ep.Store(EpBuffer, TestBytes.From(1, Length + (64 * Descriptors)));
        int tooLate = 0;
        for (int round = 0; tooLate < 20; round++)
        {
            Assert.That(round, Is.LessThan(2000), "the channel was still at work at times");
            Ep.MapOutbound(0, 0, Length, HostBuffer);
            for (int i = 0; i < Descriptors; i++)
            {
                channel.Submit(EpBuffer + (ulong)(i * 64), EpGuest.WindowAt, Length, 0, start: i == Descriptors - 1);
            }

            Ep.UnmapOutbound(0);

            // The read pushes what was posted before.
            pushing.Run(HostBuffer, 0, 1, EpDmaChannel.FromHost);
            byte[] then = host.Load(HostBuffer, Length);
            tooLate += channel.Finish() == EpcRegister.DescStatusDestinationError ? 1 : 0;
            pushing.Run(HostBuffer, 0, 1, EpDmaChannel.FromHost);
            Assert.That(host.Load(HostBuffer, Length).AsSpan().SequenceEqual(then), Is.True, $"round {round}");
        }
    }

    [Test]
    public void DmaToWhereTheHostHasNothingIsAnErrorAndTheRingGoesOn()
    {
        BringUp();
        var channel = new EpDmaChannel(Ep, 1);
        Assert.That(
            channel.Run(0x9_0000_0000, EpBuffer, 64, EpDmaChannel.FromHost), Is.EqualTo(
                EpcRegister.DescStatusSourceError));
        Assert.That(
            channel.Run(HostBuffer, EpBuffer, 64, EpDmaChannel.FromHost), Is.EqualTo(EpcRegister.DescStatusDone));
    }

    [Test]
    public void MemoryThatTheHostsQemuDoesNotShareIsReachedToo()
    {
        HostGuest host = BringUp();
        host.MapPrivateMemory();
        Ep.MapOutbound(0, 0, 0x10_0000, GuestClient.PrivateStart);
        byte[] data = TestBytes.From(5, 10_000);
        Ep.WriteWindow(0x123, data);
        Assert.That(Ep.ReadWindow(0x123, data.Length), Is.EqualTo(data));
        Assert.That(host.Load(GuestClient.PrivateStart + 0x123, data.Length), Is.EqualTo(data));
        var channel = new EpDmaChannel(Ep, 0);
        Assert.That(
            channel.Run(GuestClient.PrivateStart + 0x123, EpBuffer, data.Length, EpDmaChannel.FromHost),
            Is.EqualTo(EpcRegister.DescStatusDone));
        Assert.That(Ep.Load(EpBuffer, data.Length), Is.EqualTo(data));
    }

    [Test]
    [Category("Stress")]
    public void NothingIsWrittenOnceBusMasteringIsOff()
    {
        HostGuest host = BringUp();
        host.Map(Elsewhere, ElsewhereSize, ElsewhereFile);
        using var dma = new StressLoop(DmaRound());
        for (int round = 0; round < 20; round++)
        {
            dma.WaitForMore();
            host.SetCommand(2);
            byte[] then = host.Load(ElsewhereFile, ElsewhereSize);
            dma.WaitForMore();
            Assert.That(
                host.Load(ElsewhereFile, ElsewhereSize).AsSpan().SequenceEqual(then), Is.True, $"round {round}");
            host.SetCommand(6);
        }
    }

    /// <summary>A DMA of another byte each time; its status is ignored.</summary>
    private Action<int> DmaRound()
    {
        const int Length = 0x4_0000;
        var channel = new EpDmaChannel(Ep, 0);
        byte[] data = new byte[Length];
        return round =>
        {
            data.AsSpan().Fill((byte)round);
            Ep.Store(EpBuffer, data);
            channel.Run(EpBuffer, Elsewhere, Length, EpDmaChannel.ToHost);

            // Pushes what was posted, so that each round ends with its bytes in the host's memory.
            channel.Run(Elsewhere, EpBuffer, 1, EpDmaChannel.FromHost);
        };
    }
}
