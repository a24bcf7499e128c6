using EpfTest.Protocol.Link;

namespace EpfTest.Kit.Link;

/// <summary>Gives each test a link whose one end is ours and whose other end says what the test wants.</summary>
internal abstract class RawLinkFixture
{
    private protected OpenLink Link { get; private set; } = null!;

    private protected TestLinkHandler Handler { get; private set; } = null!;

    protected RecordingLogger Logger { get; private set; } = null!;

    protected RawLinkPeer Peer { get; private set; } = null!;

    /// <summary>How long our end waits.</summary>
    protected virtual LinkTimeouts Timeouts => LinkTimeouts.Default;

    [SetUp]
    public void Open()
    {
        Handler = new TestLinkHandler();
        Logger = new RecordingLogger();
        Link = OpenLink.WithRawPeer(Handler, Logger, Timeouts, out RawLinkPeer peer);
        Peer = peer;
    }

    [TearDown]
    public void Close()
    {
        Link.Dispose();
        Peer.Dispose();
        Logger.Dispose();
    }
}
