using EpfTest.EpcDevice;
using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair.Link;

/// <summary>Bridges that send nonsense or vanish: EpcDevice serves the next one, and nothing of theirs stays.</summary>
internal sealed class EndpointRobustnessTests
{
    private TemporaryFolder _folder = null!;
    private RecordingLogger _logger = null!;
    private EpcService _epc = null!;
    private Memfd _memfd = null!;

    private static IEnumerable<TestCaseData> Malformed =>
    [
        new TestCaseData(RawFrame.Memory(RawFrame.MemoryAdd, 0, 3, 0, 0x1000)[..^1], true)
            .SetArgDisplayNames("MEMORY_ADD cut off"),
        .. new ushort[] { 32, 33, 34, 35 }.SelectMany(kind => new[]
        {
            new TestCaseData(RawFrame.Build(kind, 0, new byte[7]), false).SetArgDisplayNames($"kind {kind} too short"),
            new TestCaseData(RawFrame.Build(kind, 0, new byte[33]), false).SetArgDisplayNames($"kind {kind} too long"),
            new TestCaseData(RawFrame.Build(kind, 8, new byte[kind > 33 ? 8 : 32]), false)
                .SetArgDisplayNames($"kind {kind} for a function that is not there"),
        }),
        new TestCaseData(RawFrame.Memory(RawFrame.MemoryAdd, 0, 3, 0, 0), false).SetArgDisplayNames("empty range"),
        new TestCaseData(RawFrame.Memory(RawFrame.MemoryAdd, 0, 3, 0, 0x10_0000), true)
            .SetArgDisplayNames("range that its file does not hold"),
        new TestCaseData(RawFrame.Memory(RawFrame.MemoryAdd, 0, 3, ulong.MaxValue, 2), false)
            .SetArgDisplayNames("range that wraps"),
        new TestCaseData(RawFrame.Order(RawFrame.FunctionReset, 0, 1, 3), false).SetArgDisplayNames("unknown reset"),
        new TestCaseData(RawFrame.Order(RawFrame.BarMapped, 0, 0, 1), false)
            .SetArgDisplayNames("BAR mapped without --map-bars"),
        new TestCaseData(RawFrame.Order(RawFrame.InterruptAdd, 0, 1, 0), false)
            .SetArgDisplayNames("interrupt without a descriptor"),
        new TestCaseData(RawFrame.Order(RawFrame.InterruptAdd, 0, 1, 0), true)
            .SetArgDisplayNames("interrupt that is memory"),
        .. new uint[][] { [2, 0, 1], [0, 2048, 1], [1, 2047, 2], [1, uint.MaxValue, 2], [0, 1, uint.MaxValue] }
            .Select(vectors => new TestCaseData(
                    RawFrame.InvalidateInterrupts(0, 7, vectors[0], vectors[1], vectors[2]), false)
                .SetArgDisplayNames($"vectors {string.Join(' ', vectors)}")),
        .. new uint[] { 0, 4, uint.MaxValue }.Select(status => new TestCaseData(
                RawFrame.Build(RawFrame.WriteFailed, 0, new WireBytes().U32(status, 0).U64(0x1000).ToArray()), false)
            .SetArgDisplayNames($"failed write with status {status}")),
        .. new[] { RawFrame.InterruptAdd, RawFrame.InterruptInvalidate, RawFrame.WriteFailed }.SelectMany(kind => new[]
        {
            new TestCaseData(RawFrame.Build(kind, 0, new byte[7]), false).SetArgDisplayNames($"kind {kind} too short"),
            new TestCaseData(RawFrame.Build(kind, 0, new byte[17]), false).SetArgDisplayNames($"kind {kind} too long"),
            new TestCaseData(RawFrame.Build(kind, 8, new byte[16]), false)
                .SetArgDisplayNames($"kind {kind} for a function that is not there"),
        }),
    ];

    private string LinkPath => _folder.File("link.sock");

    [SetUp]
    public void Start()
    {
        _folder = new TemporaryFolder();
        _logger = new RecordingLogger();
        _memfd = Memfd.Create(0x1_0000);
        _epc = new EpcService(
            new EpcOptions { Socket = _folder.File("ep.sock"), Link = LinkPath, PciId = "1234:e9c0" },
            _logger,
            reason => Assert.Fail(reason));
    }

    [TearDown]
    public void Stop()
    {
        _epc.Dispose();
        _memfd.Dispose();
        _logger.Dispose();
        _folder.Dispose();
    }

    [TestCaseSource(nameof(Malformed))]
    public void MalformedFrameEndsTheLink(byte[] frame, bool hasDescriptor)
    {
        using (RawLinkPeer peer = Connect())
        {
            peer.Send(frame, hasDescriptor ? [_memfd.Descriptor] : []);
            if (frame.Length < RawFrame.HeaderSize + 32 && hasDescriptor)
            {
                // Cut off: nothing is wrong with it until we hang up.
                return;
            }

            Assert.That(peer.Receive(RawFrame.Refuse).Text, Does.Contain("malformed"));
            peer.ExpectHangUp();
        }

        ExpectService();
    }

    [TestCaseSource(typeof(OddDescriptors), nameof(OddDescriptors.All))]
    public void OddDescriptorForMemoryDoesNoHarm(string what)
    {
        int before = OpenDescriptors.Count();
        using (RawLinkPeer peer = Connect())
        using (FileDescriptor descriptor = OddDescriptors.Open(what))
        {
            peer.Send(RawFrame.Memory(RawFrame.MemoryAdd, 0, 3, 0x10000, 0x1000), descriptor);
            peer.Send(RawFrame.Memory(RawFrame.MemoryInvalidate, 0, 7, 0x10000, 0x1000));
        }

        ExpectService();
        OpenDescriptors.WaitUntilBackTo(before);
    }

    [TestCaseSource(typeof(OddDescriptors), nameof(OddDescriptors.All))]
    public void OddDescriptorForAnInterruptDoesNoHarm(string what)
    {
        int before = OpenDescriptors.Count();
        using (RawLinkPeer peer = Connect())
        using (FileDescriptor descriptor = OddDescriptors.Open(what))
        {
            peer.Send(RawFrame.Order(RawFrame.InterruptAdd, 0, 1, 0), descriptor);
            if (what != "an eventfd")
            {
                Assert.That(peer.Receive(RawFrame.Refuse).Text, Does.Contain("malformed"));
            }
        }

        ExpectService();
        OpenDescriptors.WaitUntilBackTo(before);
    }

    [TestCase(0u)]
    [TestCase(1u)]
    public void InterruptsWithoutTheCapabilityEndTheLink(uint capabilities)
    {
        using var signal = EventFd.Create();
        using (var peer = RawLinkPeer.Connect(LinkPath))
        {
            peer.Send(RawFrame.HelloOf(RawFrame.Bridge, capabilities));
            peer.Send(RawFrame.Order(RawFrame.InterruptAdd, 0, 1, 0), signal);
            Assert.That(peer.Receive(RawFrame.Refuse).Text, Does.Contain("malformed"));
        }

        ExpectService();
    }

    [Test]
    public void InterruptsComeAndGoWithoutLeavingDescriptors()
    {
        int before = OpenDescriptors.Count();
        using (RawLinkPeer peer = Connect())
        using (var signal = EventFd.Create())
        {
            for (uint round = 0; round < 50; round++)
            {
                // The same one twice, and some that stay until we hang up.
                peer.Send(RawFrame.Order(RawFrame.InterruptAdd, 0, 1, round), signal);
                peer.Send(RawFrame.Order(RawFrame.InterruptAdd, 0, 1, round), signal);
                peer.Send(RawFrame.Order(RawFrame.InterruptAdd, 0, 0, round), signal);
                peer.Send(RawFrame.InvalidateInterrupts(0, round, 1, 0, 2048));
                Assert.That(peer.Receive(RawFrame.Acknowledge).Token, Is.EqualTo(round));
            }
        }

        ExpectService();
        OpenDescriptors.WaitUntilBackTo(before);
    }

    [Test]
    public void UnknownKindOfAFunctionThatIsNotThereIsIgnored()
    {
        using RawLinkPeer peer = Connect();
        peer.Send(RawFrame.Build(99, 500, new byte[5]));
        ExpectOrders(peer);
    }

    [Test]
    public void BridgeMayHangUpAtAnyByte()
    {
        (byte[] Bytes, FileDescriptor[] Descriptors)[] sequence =
        [
            (RawFrame.HelloOf(RawFrame.Bridge), []),
            (RawFrame.Memory(RawFrame.MemoryAdd, 0, 3, 0x10000, 0x1000), [_memfd.Descriptor]),
            (RawFrame.TlpOf(0, [0x0400_0001, 0x0000_000f, 0x0100_0000]), []),
            (RawFrame.Memory(RawFrame.MemoryInvalidate, 0, 7, 0x10000, 0x1000), []),
            (RawFrame.Order(RawFrame.FunctionReset, 0, 8, 1), []),
        ];
        int before = OpenDescriptors.Count();
        int total = sequence.Sum(frame => frame.Bytes.Length);
        for (int prefix = 0; prefix <= total; prefix++)
        {
            using var peer = RawLinkPeer.Connect(LinkPath);
            int left = prefix;
            foreach ((byte[] bytes, FileDescriptor[] descriptors) in sequence)
            {
                int length = Math.Min(left, bytes.Length);
                left -= length;
                if (length > 0)
                {
                    peer.Send(bytes.AsSpan(0, length), descriptors);
                }
            }
        }

        ExpectService();
        OpenDescriptors.WaitUntilBackTo(before);
    }

    [Test]
    public void RandomFramesDoNoHarm()
    {
        int seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        int before = OpenDescriptors.Count();
        for (int i = 0; i < 150; i++)
        {
            using RawLinkPeer peer = Connect();
            for (int frames = random.Next(1, 12); frames > 0; frames--)
            {
                FileDescriptor[] descriptors = [.. Enumerable.Repeat(
                    _memfd.Descriptor, random.Next(4) == 0 ? random.Next(3) : 0)];
                if (peer.Send(RandomFrame(random), descriptors) != Errno.None)
                {
                    break;
                }
            }
        }

        ExpectService();
        OpenDescriptors.WaitUntilBackTo(before);
    }

    [Test]
    public void RequestsForAFunctionThatIsNotThereAreUnsupported()
    {
        using RawLinkPeer peer = Connect();
        uint[][] requests =
        [
            [0x0000_0001, 0x0000_010f, 0xe000_0000],
            [0x0200_0001, 0x0000_020f, 0x0000_1000],
            [0x0400_0001, 0x0000_030f, 0x0100_0000],
        ];
        foreach (ushort function in new ushort[] { 0, 7, 8, ushort.MaxValue })
        {
            foreach (uint[] request in requests)
            {
                peer.Send(RawFrame.TlpOf(function, request));
                RawFrame completion = peer.Receive(RawFrame.Tlp);
                Assert.That(completion.Dw(0), Is.EqualTo(0x0a00_0000), "Cpl");
                Assert.That(completion.Dw(1) >> 13 & 7, Is.EqualTo(1), "Unsupported Request");
                Assert.That(completion.Dw(2) >> 8 & 0xff, Is.EqualTo(request[1] >> 8 & 0xff), "the tag");
            }
        }
    }

    [Test]
    public void SecondBridgeIsServedOnceTheFirstHasGone()
    {
        using (RawLinkPeer first = Connect())
        {
            using var second = RawLinkPeer.Connect(LinkPath);
            second.Send(RawFrame.HelloOf(RawFrame.Bridge));
            ExpectOrders(first);
            first.Dispose();
            Assert.That(second.Receive().Kind, Is.EqualTo(RawFrame.Hello));
            ExpectOrders(second);
        }

        ExpectService();
    }

    [Test]
    public void EndDoesNotWaitForABridgeThatSaysNothing()
    {
        using var peer = RawLinkPeer.Connect(LinkPath);
        Assert.That(peer.Receive().Kind, Is.EqualTo(RawFrame.Hello));
        _epc.Dispose();
        Assert.That(_logger.Has("Error: no hello"), Is.False);
        peer.ExpectHangUp();
    }

    private static byte[] RandomFrame(Random random)
    {
        ushort[] kinds = [0, 2, 3, 3, 3, 4, 5, 16, 21, 32, 32, 33, 34, 35, 37, 38, 100];
        int[] lengths = [0, 4, 8, 12, 16, 20, 32, 152, 300];
        byte[] payload = new byte[lengths[random.Next(lengths.Length)]];
        random.NextBytes(payload);
        for (int i = 0; i < payload.Length; i++)
        {
            payload[i] = random.Next(3) == 0 ? payload[i] : (byte)0;
        }

        return RawFrame.Build(
            kinds[random.Next(kinds.Length)],
            (ushort)random.Next(10),
            payload,
            random.Next(12) == 0 ? (uint)random.Next(5000) : null);
    }

    private static void ExpectOrders(RawLinkPeer peer)
    {
        peer.Send(RawFrame.Order(RawFrame.MemoryInvalidateAll, 3, 0x1234, 0));
        Assert.That(peer.Receive(RawFrame.Acknowledge).Token, Is.EqualTo(0x1234));
    }

    private RawLinkPeer Connect()
    {
        var peer = RawLinkPeer.Connect(LinkPath);
        peer.Send(RawFrame.HelloOf(RawFrame.Bridge, RawFrame.Direct | RawFrame.Interrupts));
        Assert.That(peer.Receive().Kind, Is.EqualTo(RawFrame.Hello));
        return peer;
    }

    private void ExpectService()
    {
        using RawLinkPeer peer = Connect();
        ExpectOrders(peer);
    }
}
