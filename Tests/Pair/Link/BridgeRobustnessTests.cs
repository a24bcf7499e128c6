using EpfTest.EpfBridge;
using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Kit.Pair;
using EpfTest.Protocol.Linux;

namespace EpfTest.Pair.Link;

/// <summary>An EpcDevice that sends nonsense or vanishes: EpfBridge comes again, and nothing of it stays.</summary>
internal sealed class BridgeRobustnessTests
{
    private TemporaryFolder _folder = null!;
    private RecordingLogger _logger = null!;
    private UnixListener _listener = null!;
    private RootPort _bridge = null!;
    private Memfd _memfd = null!;

    private static IEnumerable<TestCaseData> Malformed =>
    [
        .. new ushort[] { 16, 17, 18, 19, 20, 21 }.SelectMany(kind => new[]
        {
            new TestCaseData(RawFrame.Build(kind, 0, new byte[7])).SetArgDisplayNames($"kind {kind} too short"),
            new TestCaseData(RawFrame.Build(kind, 0, new byte[200])).SetArgDisplayNames($"kind {kind} too long"),
        }),
        new TestCaseData(RawFrame.FunctionOf(0, pin: 5)).SetArgDisplayNames("interrupt pin"),
        new TestCaseData(RawFrame.FunctionOf(0, msi: 33)).SetArgDisplayNames("MSI vectors"),
        new TestCaseData(RawFrame.FunctionOf(0, msix: 2049)).SetArgDisplayNames("MSI-X vectors"),
        new TestCaseData(RawFrame.FunctionOf(256)).SetArgDisplayNames("more functions than a bus has"),
        new TestCaseData(RawFrame.Inbound(0, 0, 3, 0x800, 0x801)).SetArgDisplayNames("beyond the BAR"),
        new TestCaseData(RawFrame.Inbound(0, 0, 3, 0, 0x1000, 0x1_0000)).SetArgDisplayNames("beyond the file"),
        new TestCaseData(RawFrame.Inbound(9, 0, 3, 0, 0x1000)).SetArgDisplayNames("function that is not there"),
        new TestCaseData(RawFrame.Inbound(0, 6, 3, 0, 0x1000)).SetArgDisplayNames("BAR that is not there"),
    ];

    private string HostPath => _folder.File("host.sock");

    [SetUp]
    public void Start()
    {
        _folder = new TemporaryFolder();
        _logger = new RecordingLogger();
        _memfd = Memfd.Create(0x1_0000);
        _listener = UnixListener.Listen(_folder.File("link.sock"));
        _bridge = new RootPort(new BridgeOptions { Socket = HostPath, Link = _listener.Path }, _logger);
    }

    [TearDown]
    public void Stop()
    {
        _bridge.Dispose();
        _listener.Dispose();
        _memfd.Dispose();
        _logger.Dispose();
        _folder.Dispose();
    }

    [TestCaseSource(nameof(Malformed))]
    public void MalformedFrameEndsTheLink(byte[] frame)
    {
        using (RawLinkPeer peer = Accept())
        {
            peer.Send(RawFrame.FunctionOf(0));
            peer.Send(frame, _memfd.Descriptor);
            Assert.That(peer.Receive(RawFrame.Refuse).Text, Does.Contain("malformed"));
            peer.ExpectHangUp();
        }

        ExpectService();
    }

    [Test]
    public void EndpointMayHangUpAtAnyFrame()
    {
        (byte[] Bytes, FileDescriptor[] Descriptors)[] sequence =
        [
            (RawFrame.FunctionOf(0), []),
            (RawFrame.Inbound(0, 0, 3, 0, 0x1000), [_memfd.Descriptor]),
            (RawFrame.Order(RawFrame.LinkUp, 0, 5, 1), []),
            (RawFrame.Order(RawFrame.InboundInvalidate, 0, 6, 0), []),
            (RawFrame.Order(RawFrame.LinkDown, 0, 7, 0), []),
        ];
        int total = sequence.Sum(frame => frame.Bytes.Length);
        ExpectService();
        int before = OpenDescriptors.Count();

        // The bridge waits between connections, so not at each byte: at each frame's start, in its header and its
        // payload.
        foreach (int prefix in (int[])[0, 3, 20, 160, 163, 175, 200, 207, 216, 232, 240, total])
        {
            using RawLinkPeer peer = Accept();
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
        Assert.That(File.Exists(HostPath), Is.False);
    }

    [Test]
    public void RequestsThatTheHostCannotServeAreUnsupported()
    {
        using RawLinkPeer peer = Accept();
        peer.Send(RawFrame.FunctionOf(0));
        uint[][] requests =
        [
            [0x0000_0001, 0x0100_010f, 0x0000_1000],
            [0x0200_0001, 0x0100_020f, 0x0000_1000],
            [0x0400_0001, 0x0100_030f, 0x0000_0000],
        ];
        foreach (ushort function in new ushort[] { 0, 1, ushort.MaxValue })
        {
            foreach (uint[] request in requests)
            {
                peer.Send(RawFrame.TlpOf(function, request));
                RawFrame completion = peer.Receive(RawFrame.Tlp);
                Assert.That(completion.Dw(0), Is.EqualTo(0x0a00_0000), "Cpl");
                Assert.That(completion.Dw(1) >> 13 & 7, Is.EqualTo(1), "Unsupported Request");
            }
        }
    }

    [TestCaseSource(typeof(OddDescriptors), nameof(OddDescriptors.All))]
    public void OddDescriptorForABarDoesNoHarm(string what)
    {
        int before = OpenDescriptors.Count();
        using (RawLinkPeer peer = Accept())
        using (FileDescriptor descriptor = OddDescriptors.Open(what))
        {
            peer.Send(RawFrame.FunctionOf(0));
            peer.Send(RawFrame.Inbound(0, 0, 3, 0, 0x1000), descriptor);
        }

        ExpectService();
        OpenDescriptors.WaitUntilBackTo(before);
    }

    [Test]
    public void OrdersWithoutEndEndTheLink()
    {
        using (RawLinkPeer peer = Accept())
        {
            peer.Send(RawFrame.FunctionOf(0));
            byte[] orders = [.. Enumerable.Range(0, 5000).SelectMany(
                i => RawFrame.Order(RawFrame.LinkUp, 0, (uint)i, 1))];
            peer.Send(orders);
            peer.ExpectHangUp();
        }

        ExpectService();
    }

    [Test]
    public void UnknownKindsAreIgnored()
    {
        using RawLinkPeer peer = Accept();
        peer.Send(RawFrame.Build(99, 500, new byte[5]), _memfd.Descriptor);
        ExpectLinkUp(peer);
    }

    [Test]
    public void EndDoesNotWaitForAnEndpointThatSaysNothing()
    {
        using var peer = new RawLinkPeer(_listener.Accept()!);
        Assert.That(peer.Receive().Kind, Is.EqualTo(RawFrame.Hello));
        _bridge.Dispose();
        peer.ExpectHangUp();
    }

    [Test]
    public void OrderToComeUpThatFollowsTheHelloAtOnceIsCarriedOut()
    {
        using var peer = new RawLinkPeer(_listener.Accept()!);
        peer.Send(
            [
                .. RawFrame.HelloOf(RawFrame.Endpoint),
                .. RawFrame.FunctionOf(0),
                .. RawFrame.Order(RawFrame.LinkUp, 0, 5, 1),
            ]);
        ExpectAcknowledge(peer, 5);
        Assert.That(File.Exists(HostPath), Is.True);
    }

    [Test]
    public void RefusalIsLoggedOnceUntilSomethingChanges()
    {
        for (int round = 0; round < 3; round++)
        {
            RefuseBridge("wrong day");
        }

        RefuseBridge("wrong place");
        ExpectService();
        RefuseBridge("wrong place");
        Wait.Until(() => CountLogged("wrong place") == 2, "both are logged");
        Assert.That(CountLogged("wrong day"), Is.EqualTo(1));
    }

    [Test]
    public void AllMemoryOfAHostThatGoesIsForgottenByOneOrder()
    {
        using RawLinkPeer peer = Accept();
        peer.Send(RawFrame.FunctionOf(0));
        ExpectLinkUp(peer);
        using (var host = new HostGuest(HostPath, mapMemory: false))
        {
            for (ulong range = 0; range < 3; range++)
            {
                host.Map(range * 0x10_0000, 0x1000, range * 0x1000);
                Assert.That(peer.Receive().Kind, Is.EqualTo(RawFrame.MemoryAdd));
            }
        }

        RawFrame order = peer.Receive();
        Assert.That(order.Kind, Is.EqualTo(RawFrame.MemoryInvalidateAll));
        peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, BitConverter.GetBytes(order.Token)));
        order = peer.Receive();
        Assert.That(order.Kind, Is.EqualTo(RawFrame.FunctionReset));
        peer.Send(RawFrame.Build(RawFrame.Acknowledge, 0, BitConverter.GetBytes(order.Token)));
    }

    [Test]
    public void HostAccessThatTimesOutIsLogged()
    {
        using RawLinkPeer peer = Accept();
        peer.Send(RawFrame.FunctionOf(0));
        ExpectLinkUp(peer);
        using var host = new HostGuest(HostPath, mapMemory: false);
        Assert.That(host.ReadConfig(0), Is.EqualTo(uint.MaxValue));
        Assert.That(_logger.Has("Warning: host read of region 7 at 0x0 failed: CompletionTimeout"), Is.True);
        peer.Dispose();
    }

    private int CountLogged(string text) =>
        _logger.Lines.Count(line => line.Contains(text, StringComparison.Ordinal));

    private void RefuseBridge(string reason)
    {
        using var peer = new RawLinkPeer(_listener.Accept()!);
        peer.Send(RawFrame.Build(RawFrame.Refuse, 0, System.Text.Encoding.UTF8.GetBytes(reason)));
        peer.ExpectHangUp();
    }

    private static void ExpectLinkUp(RawLinkPeer peer)
    {
        peer.Send(RawFrame.Order(RawFrame.LinkUp, 0, 0x77, 1));
        ExpectAcknowledge(peer, 0x77);
    }

    /// <summary>Answers configuration reads, without which no function is served, until an acknowledgement
    /// comes.</summary>
    private static void ExpectAcknowledge(RawLinkPeer peer, uint token)
    {
        const uint CfgRd0 = 0x0400_0001;
        const uint CplD = 0x4a00_0001;
        RawFrame frame = peer.Receive();
        for (; frame.Kind != RawFrame.Acknowledge; frame = peer.Receive())
        {
            if (frame.Kind == RawFrame.Tlp && frame.Dw(0) == CfgRd0)
            {
                peer.Send(RawFrame.TlpOf(frame.Function, [CplD, 0x0100_0004, frame.Dw(1) & 0xffff_ff00], new byte[4]));
            }
        }

        Assert.That(frame.Token, Is.EqualTo(token));
    }

    private RawLinkPeer Accept()
    {
        var peer = new RawLinkPeer(_listener.Accept()!);
        peer.Send(RawFrame.HelloOf(RawFrame.Endpoint));
        Assert.That(peer.Receive().Kind, Is.EqualTo(RawFrame.Hello));
        return peer;
    }

    private void ExpectService()
    {
        using RawLinkPeer peer = Accept();
        ExpectLinkUp(peer);
    }
}
