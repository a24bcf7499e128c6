using EpfTest.Kit;
using EpfTest.Kit.Link;
using EpfTest.Protocol.Link;

namespace EpfTest.Unit.Link;

/// <summary>Who is spoken to, and what the others are told.</summary>
[NonParallelizable]
internal sealed class HelloTests
{
    private static readonly TimeSpan s_brief = TimeSpan.FromMilliseconds(100);

    private MemoryTransport _transport = null!;
    private RawLinkPeer _peer = null!;
    private RecordingLogger _logger = null!;

    private static IEnumerable<TestCaseData> Refused =>
    [
        new TestCaseData(RawFrame.HelloOf(RawFrame.Bridge, magic: "EPFX"), "does not speak its protocol")
            .SetArgDisplayNames("magic"),
        new TestCaseData(
            RawFrame.HelloOf(RawFrame.Bridge, major: 2, minor: 7), "link version 2.7 is not supported here, but 1.1")
            .SetArgDisplayNames("major"),
        new TestCaseData(RawFrame.HelloOf(RawFrame.Endpoint), "both ends are a Endpoint")
            .SetArgDisplayNames("same role"),
        new TestCaseData(RawFrame.HelloOf(3), "connect one EpcDevice and one EpfBridge")
            .SetArgDisplayNames("unknown role"),
        new TestCaseData(RawFrame.HelloOf(RawFrame.Bridge)[..^1], "no hello").SetArgDisplayNames("truncated frame"),
        new TestCaseData(RawFrame.Build(RawFrame.Hello, 0, new byte[15]), "does not speak its protocol")
            .SetArgDisplayNames("truncated payload"),
        new TestCaseData(RawFrame.Build(RawFrame.Tlp, 0, new byte[16]), "the first frame is not a hello")
            .SetArgDisplayNames("a TLP first"),
        new TestCaseData("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), "malformed frame: 542393671 bytes announced")
            .SetArgDisplayNames("garbage"),
        new TestCaseData(Array.Empty<byte>(), "no hello").SetArgDisplayNames("nothing"),
    ];

    [SetUp]
    public void Connect()
    {
        (_transport, MemoryTransport peer) = MemoryTransport.CreatePair();
        _peer = new RawLinkPeer(peer);
        _logger = new RecordingLogger();
    }

    [TearDown]
    public void Disconnect()
    {
        _peer.Dispose();
        _logger.Dispose();
    }

    [TestCaseSource(nameof(Refused))]
    public void OthersAreRefusedWithTheReason(byte[] said, string reason)
    {
        if (said.Length > 0)
        {
            _peer.Send(said);
        }

        Assert.That(Open(LinkRole.Endpoint, new LinkTimeouts { Hello = s_brief }), Is.Null);
        Assert.That(_peer.Receive().Kind, Is.EqualTo(RawFrame.Hello), "both speak first");
        RawFrame refusal = _peer.Receive();
        Assert.That((refusal.Kind, refusal.Function), Is.EqualTo((RawFrame.Refuse, (ushort)0)));
        Assert.That(refusal.Text, Does.Contain(reason));
        Assert.That(_logger.Has(reason), Is.True);
        _peer.ExpectHangUp();
    }

    [TestCase((ushort)0)]
    [TestCase((ushort)1)]
    [TestCase(ushort.MaxValue)]
    public void HigherMinorIsAccepted(ushort minor)
    {
        _peer.Send(RawFrame.HelloOf(RawFrame.Bridge, minor: minor));
        using LinkConnection? connection = Open(LinkRole.Endpoint);
        Assert.That(connection, Is.Not.Null);
    }

    [Test]
    public void LongerHelloOfAHigherMinorIsAccepted()
    {
        byte[] hello = RawFrame.HelloOf(RawFrame.Bridge, minor: 1);
        _peer.Send(RawFrame.Build(RawFrame.Hello, 0, [.. hello[RawFrame.HeaderSize..], 1, 2, 3, 4]));
        using LinkConnection? connection = Open(LinkRole.Endpoint);
        Assert.That(connection, Is.Not.Null);
    }

    [TestCase(0u, LinkCapabilities.None)]
    [TestCase(1u, LinkCapabilities.Direct)]
    [TestCase(0xffff_ffffu, LinkCapabilities.Direct)]
    public void BothUseWhatBothOffer(uint offered, LinkCapabilities used)
    {
        _peer.Send(RawFrame.HelloOf(RawFrame.Bridge, capabilities: offered));
        using LinkConnection? connection = Open(LinkRole.Endpoint);
        Assert.That(connection!.Capabilities, Is.EqualTo(used));
    }

    /// <summary>The direct path, the host's eventfds and mapped BARs all take descriptors.</summary>
    [Test]
    public void TransportWithoutDescriptorsAgreesOnTlpsOnly()
    {
        (MemoryTransport ours, MemoryTransport theirs) = MemoryTransport.CreatePair(passesDescriptors: false);
        using var peer = new RawLinkPeer(theirs);
        peer.Send(RawFrame.HelloOf(RawFrame.Bridge, capabilities: 7));
        var settings = new LinkSettings(
            LinkRole.Endpoint, LinkCapabilities.Direct | LinkCapabilities.MapBars | LinkCapabilities.Interrupts);
        using LinkConnection? connection = LinkConnection.Open(ours, settings, new TestLinkHandler(), _logger);
        Assert.That(connection!.Capabilities, Is.EqualTo(LinkCapabilities.None));
        Assert.That(
            peer.Receive().Payload,
            Is.EqualTo(RawFrame.HelloOf(RawFrame.Endpoint, capabilities: 0, minor: 1)[RawFrame.HeaderSize..]),
            "nor is it offered");
    }

    [TestCase(LinkRole.Endpoint, RawFrame.Bridge, RawFrame.Endpoint)]
    [TestCase(LinkRole.Bridge, RawFrame.Endpoint, RawFrame.Bridge)]
    public void OurHelloSaysWhoWeAre(LinkRole ours, uint theirs, uint expected)
    {
        _peer.Send(RawFrame.HelloOf(theirs));
        using LinkConnection? connection = Open(ours);
        RawFrame hello = _peer.Receive();
        Assert.That(hello.Payload, Is.EqualTo(RawFrame.HelloOf(expected, minor: 1)[RawFrame.HeaderSize..]));
        Assert.That(hello.Descriptors, Has.Count.EqualTo(1), "whether descriptors pass is found out at once");
    }

    /// <summary>As with a relay: both sides' HELLOs offer the direct path, and the descriptor is lost on the
    /// way.</summary>
    [TestCase(true, LinkCapabilities.Direct)]
    [TestCase(false, LinkCapabilities.None)]
    public void LinkOnWhichNoDescriptorPassesHasTlpsOnly(bool passes, LinkCapabilities used)
    {
        using var memfd = Memfd.Create(0x1000);
        byte[] hello = RawFrame.HelloOf(RawFrame.Bridge, minor: 1);
        if (passes)
        {
            _peer.Send(hello, memfd.Descriptor);
        }
        else
        {
            _peer.Send(hello);
        }

        using LinkConnection? connection = Open(LinkRole.Endpoint);
        Assert.That(connection!.Capabilities, Is.EqualTo(used));
        Assert.That(_logger.Has("no descriptor passes on this link"), Is.EqualTo(!passes));
    }

    [Test]
    public void RefusalOfTheOtherSideIsLogged()
    {
        _peer.Send(RawFrame.Build(RawFrame.Refuse, 0, "we do not like your hat"u8));
        Assert.That(Open(LinkRole.Endpoint), Is.Null);
        Assert.That(_logger.Has("by the other side: we do not like your hat"), Is.True);
    }

    [Test]
    public void RefusalAfterTheHelloEndsTheLinkAndIsNotAnswered()
    {
        _peer.Send(RawFrame.HelloOf(RawFrame.Bridge));
        LinkConnection connection = Open(LinkRole.Endpoint)!;
        using var link = new OpenLink(connection);
        _peer.Send(RawFrame.Build(RawFrame.Refuse, 0, "too old"u8));
        link.ExpectEnd();
        Assert.That(_logger.Has("by the other side: too old"), Is.True);
        Assert.That(_peer.Receive().Kind, Is.EqualTo(RawFrame.Hello));
        Assert.That(_peer.TryReceive(), Is.Null);
    }

    [Test]
    public void BothSidesNameTheVersionsWhereTheyDiffer()
    {
        // Ours refuses theirs, and theirs, played by hand, ours.
        _peer.Send(RawFrame.HelloOf(RawFrame.Bridge, major: 9));
        Assert.That(Open(LinkRole.Endpoint), Is.Null);
        using var bridgeLogger = new RecordingLogger();
        (MemoryTransport ours, MemoryTransport theirs) = MemoryTransport.CreatePair();
        using var endpoint = new RawLinkPeer(theirs);
        endpoint.Send(_peer.Receive() is var hello ? RawFrame.Build(hello.Kind, 0, hello.Payload) : []);
        endpoint.Send(RawFrame.Build(RawFrame.Refuse, 0, _peer.Receive().Payload));
        using LinkConnection? bridge = LinkConnection.Open(
            ours, new LinkSettings(LinkRole.Bridge, LinkCapabilities.None), new TestLinkHandler(), bridgeLogger);
        bridge!.Run();
        Assert.That(_logger.Has("link version 9.0 is not supported here, but 1.1"), Is.True);
        Assert.That(bridgeLogger.Has("by the other side: link version 9.0 is not supported here, but 1.1"), Is.True);
    }

    [Test]
    public void HelloThatTricklesInRunsOutOfTime()
    {
        byte[] hello = RawFrame.Build(RawFrame.Hello, 0, new byte[RawFrame.MaxPayload]);
        Task<LinkConnection?> open = Task.Run(() => Open(LinkRole.Endpoint, new LinkTimeouts { Hello = s_brief }));
        for (int i = 0; i < hello.Length - 1 && !open.Wait(s_brief / 4); i++)
        {
            _peer.Send(hello.AsSpan(i, 1));
        }

        Assert.That(Wait.For(open), Is.Null);
        Assert.That(_logger.Has("no hello"), Is.True);
    }

    [Test]
    public void WaitForTheHelloCanBeEnded()
    {
        using var stop = new CancellationTokenSource();
        Task<LinkConnection?> open = Task.Run(() => LinkConnection.Open(
            _transport,
            SettingsOf(LinkRole.Endpoint, new LinkTimeouts { Hello = TimeSpan.FromMinutes(10) }),
            new TestLinkHandler(),
            _logger,
            stop: stop.Token));
        Assert.That(_peer.Receive().Kind, Is.EqualTo(RawFrame.Hello));
        stop.Cancel();
        Assert.That(Wait.For(open), Is.Null);
    }

    [Test]
    public void FramesThatComeWithTheHelloAreNotForgotten()
    {
        byte[] order = RawFrame.Order(RawFrame.FunctionReset, 3, token: 77, number: 1);
        _peer.Send([.. RawFrame.HelloOf(RawFrame.Bridge), .. order, .. order]);
        var handler = new TestLinkHandler();
        LinkConnection connection = LinkConnection.Open(
            _transport, SettingsOf(LinkRole.Endpoint), handler, _logger)!;
        using var link = new OpenLink(connection);
        Wait.Until(() => handler.Control.Count == 2, "both frames are handled");
    }

    [Test]
    public void DescriptorThatComesWithTheHelloGoesToItsFrame()
    {
        using var memfd = Memfd.Create(0x1000);
        _peer.Send(RawFrame.HelloOf(RawFrame.Bridge));
        _peer.Send(RawFrame.Memory(RawFrame.MemoryAdd, 0, 3, 0, 0x1000), memfd.Descriptor);
        var handler = new TestLinkHandler();
        LinkConnection connection = LinkConnection.Open(
            _transport, SettingsOf(LinkRole.Endpoint), handler, _logger)!;
        int before = OpenDescriptors.Count();
        using var link = new OpenLink(connection);
        Wait.Until(() => !handler.Control.IsEmpty, "the frame is handled");
        Assert.That(handler.Control.Single().HasDescriptor, Is.True);
        OpenDescriptors.WaitUntilBackTo(before);
    }

    private static LinkSettings SettingsOf(LinkRole role, LinkTimeouts? timeouts = null) =>
        new(role, LinkCapabilities.Direct) { Timeouts = timeouts ?? LinkTimeouts.Default };

    private LinkConnection? Open(LinkRole role, LinkTimeouts? timeouts = null) =>
        LinkConnection.Open(_transport, SettingsOf(role, timeouts), new TestLinkHandler(), _logger);
}
