using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;

namespace EpfTest.Pair;

/// <summary>
/// Two guests whose QEMUs do not share their memory, and that access each other's at once: each QEMU waits for the
/// other. No wait may last until its time limit.
/// </summary>
internal sealed class WaitCircleTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const int Rounds = 20;
    private const int Size = 0x1000;
    private const ulong Offset = 0x2000;
    private const uint Bar = 2;
    private const ulong EpBuffer = 0x80_0000;

    private static readonly byte[] s_allOnes = [.. Enumerable.Repeat(byte.MaxValue, sizeof(ulong))];

    [SetUp]
    public void HideMemory()
    {
        Ep.MapPrivateMemory();
        Ep.SetUp(0);
        Ep.SetBar(0, (int)Bar, EpGuest.BarSize, 0, (0, EpGuest.BarSize, GuestClient.PrivateStart));
        Ep.MapOutbound(0, 0, Size, GuestClient.PrivateStart + Offset);
        Ep.LinkUp();
        ConnectHost().MapPrivateMemory();
    }

    [TearDown]
    public void NothingTimedOut() => Assert.That(
        Logger.Lines.Where(line => line.Contains("CompletionTimeout", StringComparison.Ordinal)
            || line.Contains("in time", StringComparison.Ordinal)
            || line.Contains("link ended", StringComparison.Ordinal)),
        Is.Empty);

    [Test]
    [Category("Stress")]
    public void OfTwoReadsTheHostsIsFailedAtOnce()
    {
        byte[] epData = TestBytes.From(1, Size);
        byte[] hostData = TestBytes.From(2, Size);
        Ep.Store(GuestClient.PrivateStart, epData);
        Host.Store(GuestClient.PrivateStart + Offset, hostData);
        int failed = 0;
        using var host = new StressLoop(round =>
        {
            int at = round * 8 % Size;
            byte[] read = Host.Read(Bar, (ulong)at, 8);
            if (read.AsSpan().SequenceEqual(s_allOnes))
            {
                Interlocked.Increment(ref failed);
            }
            else
            {
                Assert.That(read, Is.EqualTo(epData[at..(at + 8)]));
            }
        });
        using var ep = new StressLoop(round =>
        {
            int at = round * 8 % Size;
            Assert.That(Ep.ReadWindow((ulong)at, 8), Is.EqualTo(hostData[at..(at + 8)]), "the EP's read");
        });
        Wait.Until(() => Volatile.Read(ref failed) >= Rounds, "the guests meet");
        host.WaitForMore();
        ep.WaitForMore();
        Assert.That(Logger.Has("WouldDeadlock"), Is.True);
        Assert.That(Host.Status & 1 << 11, Is.Not.Zero, "Signaled Target Abort");
        Assert.That(Host.CorrectableErrors & 1 << 13, Is.Not.Zero, "an Advisory Non-Fatal Error: the host knows");
    }

    [Test]
    [Category("Stress")]
    public void WritesOfBothSidesAllArrive()
    {
        using var host = new StressLoop(round => Host.Write32(Bar, (ulong)(round % 64 * 4), (uint)round));
        using (var ep = new StressLoop(round => Ep.WriteWindow((ulong)(round % 64 * 4), BitConverter.GetBytes(round))))
        {
            for (int round = 0; round < Rounds; round++)
            {
                host.WaitForMore(64);
                ep.WaitForMore(64);
            }
        }

        host.Dispose();
        Ep.WriteWindow(0x800, BitConverter.GetBytes(0x1234));
        Host.Write32(Bar, 0x800, 0x5678);
        Wait.Until(() => Ep.Load32(GuestClient.PrivateStart + 0x800) == 0x5678, "the host's last write arrives");
        Assert.That(Host.Load32(GuestClient.PrivateStart + Offset + 0x800), Is.EqualTo(0x1234));
        foreach (byte[] memory in new[]
        {
            Ep.Load(GuestClient.PrivateStart, 256), Host.Load(GuestClient.PrivateStart + Offset, 256),
        })
        {
            // 64 words, each 64 rounds after the one that was there before: the last 64 rounds, none missing.
            uint[] words = [.. Enumerable.Range(0, 64).Select(word => BitConverter.ToUInt32(memory, word * 4))];
            Assert.That(words.Select((value, word) => value % 64 == word), Is.All.True);
            Assert.That(words.Max() - words.Min(), Is.EqualTo(63));
        }
    }

    [Test]
    [Category("Stress")]
    public void HostsWritesArriveWhileTheEpReads()
    {
        byte[] hostData = TestBytes.From(3, Size);
        Host.Store(GuestClient.PrivateStart + Offset, hostData);
        using var ep = new StressLoop(round =>
        {
            int at = round * 8 % Size;
            Assert.That(Ep.ReadWindow((ulong)at, 8), Is.EqualTo(hostData[at..(at + 8)]));
        });
        for (uint round = 1; round <= Rounds * 50; round++)
        {
            Host.Write32(Bar, round % 64 * 4, round);
            if (round % 50 == 0)
            {
                ep.WaitForMore(1);
                Wait.Until(() => Ep.Load32(GuestClient.PrivateStart + (round % 64 * 4)) == round, "the write arrives");
            }
        }
    }

    [Test]
    [Category("Stress")]
    public void DmaChannelStopsWhileTheHostReads()
    {
        var channel = new EpDmaChannel(Ep, 0);
        byte[] data = TestBytes.From(4, 0x1_0000);
        Ep.Store(GuestClient.PrivateStart, data);
        using var host = new StressLoop(round => Host.Read(Bar, (ulong)(round * 8 % Size), 8));
        for (int round = 0; round < Rounds; round++)
        {
            // Through the window, whose translation is replaced while the channel is in there.
            channel.Submit(EpGuest.WindowAt, EpBuffer, Size, 0);
            Ep.UnmapOutbound(0);
            Ep.MapOutbound(0, 0, Size, GuestClient.PrivateStart + Offset);
            channel.Finish();
            channel.Submit(GuestClient.PrivateStart, EpBuffer, 0x8_0000, EpDmaChannel.FromHost);
            channel = new EpDmaChannel(Ep, 0, reset: true);
            host.WaitForMore(1);
        }
    }

    [Test]
    [Category("Stress")]
    public void LinkGoesDownWhileTheHostReads()
    {
        for (int round = 0; round < Rounds; round++)
        {
            HostGuest guest = Host;
            using var host = new StressLoop(at =>
            {
                if (!guest.HungUp)
                {
                    guest.TryRead(Bar, (ulong)(at * 8 % Size), 8);
                }
            });
            host.WaitForMore();
            Ep.LinkDown();
            Assert.That(Ep[EpcRegister.LinkStatus] & EpcRegister.LinkStatusPerst, Is.Zero, "the bridge is still there");
            Ep.LinkUp();
            ConnectHost().MapPrivateMemory();
        }
    }
}
