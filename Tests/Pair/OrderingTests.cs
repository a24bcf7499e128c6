using EpfTest.EpcDevice.Registers;
using EpfTest.Kit;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Hosting;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair;

/// <summary>
/// PCIe's order: no interrupt passes data, no completion passes a posted write. Addresses of the host are of shared
/// memory, of memory that only messages reach, or one after the other.
/// </summary>
[Category("Stress")]
internal sealed class OrderingTests(DataPath dataPath) : PairFixture(dataPath)
{
    private const int Rounds = 1000;
    private const ulong SharedBuffer = 0x20_0000;
    private const ulong PrivateBuffer = GuestClient.PrivateStart + 0x1000;
    private const ulong EpBuffer = 0x80_0000;
    private const int MaxSize = 3000;
    private const ulong LastPosted = 0x3fc;

    private static readonly int[] s_sizes = [4, 8, 64, 256, 1000, MaxSize];

    public enum Where
    {
        Shared,
        Private,
        Both,
    }

    [SetUp]
    public void SetUpWindows()
    {
        BringUp();
        Host.MapPrivateMemory();
        Ep.MapOutbound(0, 0, 0x10_0000, SharedBuffer);
        Ep.MapOutbound(1, 0x10_0000, 0x8_0000, PrivateBuffer);
    }

    [Test]
    public void NoMsiPassesWritesThroughTheWindow([Values] Where where) =>
        ExpectDataBeforeSignal(where, (offset, data) => Ep.WriteWindow(offset, data));

    [Test]
    public void NoMsiPassesDma([Values] Where where)
    {
        var channel = new EpDmaChannel(Ep, 0);
        ExpectDataBeforeSignal(
            where,
            (offset, data) =>
            {
                Ep.Store(EpBuffer, data);
                ulong address = offset < 0x10_0000 ? SharedBuffer + offset : PrivateBuffer + offset - 0x10_0000;
                channel.Submit(EpBuffer, address, data.Length, EpDmaChannel.ToHost);
            },
            () => Assert.That(channel.Finish(), Is.EqualTo(EpcRegister.DescStatusDone)));
    }

    [Test]
    public void NoFlagInABarPassesWritesThroughTheWindow([Values] Where where)
    {
        // The host polls the flag, as a driver polls a status register, on a thread of its own.
        var random = new Random(1);
        uint seen = 0;
        string? fault = null;
        using var poll = new StressLoop(_ =>
        {
            uint flag = Host.Read32(1, 0);
            uint round = Volatile.Read(ref seen);
            if (flag == round + 1 && fault is null)
            {
                fault = Compare(where, flag);
                Volatile.Write(ref seen, flag);
            }
        });
        for (uint round = 1; round <= Rounds && fault is null; round++)
        {
            Write(where, round, random, (offset, data) => Ep.WriteWindow(offset, data));
            Ep.Store(EpGuest.TargetOf(0, 1), BitConverter.GetBytes(round));
            Wait.Until(() => Volatile.Read(ref seen) == round, "the host sees the flag");
        }

        Assert.That(fault, Is.Null);
    }

    [Test]
    public void NoFlagInHostMemoryPassesWritesToABar([Values(Where.Shared, Where.Private)] Where where)
    {
        // The EP polls the flag through the window; the data is in memory of its own, to which the host writes by a
        // BAR.
        const ulong Flag = 0x9000;
        ulong target = where == Where.Shared ? EpGuest.TargetOf(0, 2) : GuestClient.PrivateStart;
        Ep.MapPrivateMemory();
        Ep.SetBar(0, 2, EpGuest.BarSize, 0, (0, EpGuest.BarSize, target));
        uint seen = 0;
        string? fault = null;
        using var poll = new StressLoop(_ =>
        {
            uint flag = BitConverter.ToUInt32(Ep.ReadWindow(Flag, 4));
            if (flag == Volatile.Read(ref seen) + 1 && fault is null)
            {
                fault = Ep.Load32(target + 0x100) == flag ? null : $"round {flag}: the data is not there";
                Volatile.Write(ref seen, flag);
            }
        });
        for (uint round = 1; round <= Rounds && fault is null; round++)
        {
            Host.Write32(2, 0x100, round);
            Host.Store(SharedBuffer + Flag, BitConverter.GetBytes(round));
            Wait.Until(() => Volatile.Read(ref seen) == round, "the EP sees the flag");
        }

        Assert.That(fault, Is.Null);
    }

    [Test]
    public void NoFlagInABarPassesWhatTheEpPosted()
    {
        ExpectTlps();
        ExpectDataBeforeFlag(
            round => PostMany(Ep, 2, 0, round),
            round => Ep.Store(EpGuest.TargetOf(0, 1), BitConverter.GetBytes(round)),
            () => Host.Read32(1, 0),
            () => Host.Load32(SharedBuffer + LastPosted));
    }

    [Test]
    public void NoFlagInHostMemoryPassesWhatTheHostPosted()
    {
        ExpectTlps();
        const ulong Flag = 0x9000;
        ExpectDataBeforeFlag(
            round => PostMany(Host, 2, 0, round),
            round => Host.Store(SharedBuffer + Flag, BitConverter.GetBytes(round)),
            () => BitConverter.ToUInt32(Ep.ReadWindow(Flag, 4)),
            () => Ep.Load32(EpGuest.TargetOf(0, 2) + LastPosted));
    }

    [Test]
    public void LaterWriteIsNotPassedByAnEarlierOne()
    {
        // Data in memory that messages reach, the flag behind it in shared memory.
        for (uint round = 1; round <= Rounds; round++)
        {
            Ep.WriteWindow(0x10_0000, BitConverter.GetBytes(round));
            Ep.WriteWindow(0x800, BitConverter.GetBytes(round));
            Wait.Until(() => Host.Load32(SharedBuffer + 0x800) == round, "the flag arrives");
            Assert.That(Host.Load32(PrivateBuffer), Is.EqualTo(round));
        }
    }

    [Test]
    public void WritesOfSeveralThreadsKeepTheirOrder()
    {
        // Each channel writes data by messages and then a flag that is shared; all flush at once.
        const int Channels = 3;
        EpDmaChannel[] channels = [.. Enumerable.Range(0, Channels).Select(channel => new EpDmaChannel(Ep, channel))];
        for (uint round = 1; round <= Rounds / 4; round++)
        {
            for (int i = 0; i < Channels; i++)
            {
                ulong source = EpBuffer + ((ulong)i * 0x1000);
                Ep.Store(source, BitConverter.GetBytes(round));
                channels[i].Submit(source, PrivateBuffer + ((ulong)i * 64), 4, EpDmaChannel.ToHost);
                channels[i].Submit(source, SharedBuffer + ((ulong)i * 64), 4, EpDmaChannel.ToHost);
            }

            for (int i = 0; i < Channels; i++)
            {
                Wait.Until(() => Host.Load32(SharedBuffer + ((ulong)i * 64)) == round, "the flag arrives");
                Assert.That(Host.Load32(PrivateBuffer + ((ulong)i * 64)), Is.EqualTo(round), $"channel {i}");
            }

            Array.ForEach(channels, channel => channel.Finish());
        }
    }

    /// <summary>On the direct path nothing tells that a client has posted something: there it is not to.</summary>
    private void ExpectTlps()
    {
        if (DataPath != DataPath.Tlp)
        {
            Assert.Ignore("clients do not post on the direct path (x-no-posted-writes)");
        }
    }

    /// <summary>Enough to keep a serving thread busy while a flag is seen.</summary>
    private static void PostMany(GuestClient guest, uint region, ulong offset, uint round)
    {
        for (ulong i = 0; i <= LastPosted; i += sizeof(uint))
        {
            guest.Post(region, offset + i, BitConverter.GetBytes(round));
        }
    }

    private static void ExpectDataBeforeFlag(
        Action<uint> write, Action<uint> raise, Func<uint> readFlag, Func<uint> readData)
    {
        // The flag is polled on a thread of its own, as a driver does.
        uint seen = 0;
        string? fault = null;
        using var poll = new StressLoop(_ =>
        {
            uint flag = readFlag();
            if (flag == Volatile.Read(ref seen) + 1 && fault is null)
            {
                uint data = readData();
                fault = data == flag ? null : $"round {flag}: the data is of round {data}";
                Volatile.Write(ref seen, flag);
            }
        });
        for (uint round = 1; round <= Rounds / 4 && fault is null; round++)
        {
            write(round);
            raise(round);
            Wait.Until(() => Volatile.Read(ref seen) == round, "the flag is seen");
        }

        Assert.That(fault, Is.Null);
    }

    private void ExpectDataBeforeSignal(Where where, Action<ulong, byte[]> write, Action? finish = null)
    {
        var random = new Random(1);
        EventFd[] signals = Own(Host.EnableMsi());
        for (uint round = 1; round <= Rounds; round++)
        {
            Write(where, round, random, write, finish);
            Ep[EpDriver.Function(0, EpcRegister.FnRaiseMsi)] = round % 32;
            WaitForSignal(signals[round % 32], $"round {round} signals");
            Assert.That(Compare(where, round), Is.Null);
        }
    }

    /// <summary>Writes data that ends with the round's number, in the one or both places.</summary>
    private static void Write(
        Where where, uint round, Random random, Action<ulong, byte[]> write, Action? finish = null)
    {
        byte[] data = new byte[s_sizes[random.Next(s_sizes.Length)]];
        data.AsSpan().Fill((byte)round);
        BitConverter.TryWriteBytes(data.AsSpan(data.Length - 4), round);
        ulong offset = MaxSize - (ulong)data.Length;
        if (where != Where.Shared)
        {
            write(0x10_0000 + offset, data);
            finish?.Invoke();
        }

        if (where != Where.Private)
        {
            write(offset, data);
            finish?.Invoke();
        }
    }

    private string? Compare(Where where, uint round)
    {
        if (where != Where.Shared && Host.Load32(PrivateBuffer + MaxSize - 4) != round)
        {
            return $"round {round}: data is missing in memory that messages reach";
        }

        return where != Where.Private && Host.Load32(SharedBuffer + MaxSize - 4) != round
            ? $"round {round}: data is missing in shared memory"
            : null;
    }
}
