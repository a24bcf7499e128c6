using EpfTest.Kit;
using EpfTest.Kit.VfioUser;
using EpfTest.Protocol.Linux;

namespace EpfTest.Unit.VfioUser;

/// <summary>Clients that send nonsense or vanish: the server serves the next one, and nothing of theirs
/// stays.</summary>
[NonParallelizable]
internal sealed class RobustnessTests : ServerFixture
{
    private Memfd _memfd = null!;
    private EventFd _signal = null!;

    [SetUp]
    public void MakeDescriptors()
    {
        _memfd = Memfd.Create(0x10000);
        _signal = EventFd.Create();
    }

    [TearDown]
    public void CloseDescriptors()
    {
        _memfd.Dispose();
        _signal.Dispose();
    }

    [Test]
    public void RandomAndTruncatedMessagesDoNoHarm()
    {
        int seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        int before = OpenDescriptors.Count();
        for (int i = 0; i < 300;)
        {
            using RawVfioUserClient client = ConnectOnce(negotiated: random.Next(8) != 0);
            for (int length = random.Next(1, 20); length > 0; length--, i++)
            {
                byte[] message = RandomMessage(random);
                if (random.Next(10) == 0)
                {
                    client.Send(message.AsSpan(0, random.Next(1, message.Length)), RandomDescriptors(random));
                    break;
                }

                if (client.Send(message, RandomDescriptors(random)) != Errno.None)
                {
                    break;
                }
            }
        }

        ExpectServiceAndDescriptors(before, $"seed {seed}");
    }

    [Test]
    public void ClientMayHangUpAtAnyByte()
    {
        (byte[] Bytes, FileDescriptor[] Descriptors)[] sequence =
        [
            (RawMessage.Build(1, RawCommand.Version, RawPayload.Version(0, 0, "{}")), []),
            (RawMessage.Build(2, RawCommand.DmaMap, RawPayload.DmaMap(0x10000, 0x1000)), [_memfd.Descriptor]),
            (SetIrqs(3, RawIrq.Msix, RawIrq.Trigger), [_signal]),
            (SetIrqs(4, RawIrq.Intx, RawIrq.Unmask), [_signal]),
            (RawMessage.Build(5, RawCommand.RegionRead, RawPayload.RegionAccess(TestDevice.Small, 0, 4)), []),
        ];
        int before = OpenDescriptors.Count();
        int total = sequence.Sum(message => message.Bytes.Length);
        for (int prefix = 0; prefix <= total; prefix++)
        {
            using RawVfioUserClient client = ConnectOnce(negotiated: false);
            int left = prefix;
            foreach ((byte[] bytes, FileDescriptor[] descriptors) in sequence)
            {
                int length = Math.Min(left, bytes.Length);
                left -= length;
                if (length > 0)
                {
                    client.Send(bytes.AsSpan(0, length), descriptors);
                }
            }
        }

        ExpectServiceAndDescriptors(before, "the last one");
        Assert.That(Server.Memory.Count, Is.Zero);
    }

    [Test]
    public void FiftyClientsAfterEachOtherFindTheSame()
    {
        int before = OpenDescriptors.Count();
        for (int i = 0; i < 50; i++)
        {
            using RawVfioUserClient client = ConnectOnce(negotiated: true);
            Assert.That(
                client.Try(RawCommand.DmaMap, RawPayload.DmaMap(0x10000, 0x1000), _memfd.Descriptor),
                Is.EqualTo(Errno.None));
            Assert.That(Server.Memory.Write(0x10000, [(byte)i]), Is.EqualTo(Errno.None));
            Assert.That(_memfd.Read(0, 1)[0], Is.EqualTo(i));
        }

        ExpectServiceAndDescriptors(before, "the last one");
    }

    private static byte[] SetIrqs(ushort id, uint index, uint action) =>
        RawMessage.Build(id, RawCommand.SetIrqs, RawPayload.IrqSet(index, RawIrq.EventFd | action, 0, 1));

    private static byte[] RandomMessage(Random random)
    {
        byte[] payload = new byte[random.Next(3) == 0 ? random.Next(200) : random.Next(5) * 8];
        random.NextBytes(payload);

        // Small numbers in most fields let a message get further than to the first check.
        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] = random.Next(4) == 0 ? payload[i] : i % 4 == 0 ? (byte)random.Next(64) : (byte)0;
        }

        uint? size = random.Next(6) == 0 ? (uint)random.Next(0, 2000) : null;
        uint flags = random.Next(6) == 0 ? (uint)random.Next() : (uint)random.Next(2) * RawMessage.NoReplyFlag;
        ushort command = (ushort)(random.Next(12) == 0 ? random.Next(65536) : random.Next(17));
        return RawMessage.Build((ushort)random.Next(65536), command, payload, flags, (uint)random.Next(2), size);
    }

    private FileDescriptor[] RandomDescriptors(Random random) =>
        [.. Enumerable.Range(0, random.Next(3) == 0 ? random.Next(5) : 0)
            .Select(_ => random.Next(2) == 0 ? _signal : _memfd.Descriptor)];

    /// <summary>A connection that its user disposes, for its descriptor is counted.</summary>
    private RawVfioUserClient ConnectOnce(bool negotiated)
    {
        var client = RawVfioUserClient.Connect(SocketPath);
        if (negotiated)
        {
            Assert.That(client.Negotiate().Error, Is.EqualTo(Errno.None));
        }

        return client;
    }

    private void ExpectServiceAndDescriptors(int before, string what)
    {
        using (RawVfioUserClient client = ConnectOnce(negotiated: true))
        {
            Assert.That(client.ReadRegion(TestDevice.Small, 0, 4), Has.Length.EqualTo(4), what);
        }

        OpenDescriptors.WaitUntilBackTo(before);
    }
}
