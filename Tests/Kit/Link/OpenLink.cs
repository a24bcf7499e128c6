using EpfTest.Protocol.Link;

namespace EpfTest.Kit.Link;

/// <summary>An end of the link and the thread that receives for it.</summary>
internal sealed class OpenLink : IDisposable
{
    private readonly Thread _thread;

    public OpenLink(LinkConnection connection)
    {
        Connection = connection;
        _thread = new Thread(connection.Run) { IsBackground = true };
        _thread.Start();
    }

    public LinkConnection Connection { get; }

    public static OpenLink WithRawPeer(
        TestLinkHandler handler, RecordingLogger logger, LinkTimeouts? timeouts, out RawLinkPeer peer)
    {
        (MemoryTransport ours, MemoryTransport theirs) = MemoryTransport.CreatePair();
        peer = new RawLinkPeer(theirs);
        peer.Send(RawFrame.HelloOf(RawFrame.Bridge));
        var settings = new LinkSettings(LinkRole.Endpoint, LinkCapabilities.Direct)
        {
            Timeouts = timeouts ?? LinkTimeouts.Default,
        };
        var connection = LinkConnection.Open(ours, settings, handler, logger);
        Assert.That(connection, Is.Not.Null);
        Assert.That(peer.Receive().Kind, Is.EqualTo(RawFrame.Hello));
        return new OpenLink(connection!);
    }

    /// <summary>Waits until it has ended.</summary>
    public void ExpectEnd() => Assert.That(_thread.Join(Wait.Limit), Is.True, "the link did not end");

    public void Dispose()
    {
        Connection.Shutdown();
        ExpectEnd();
        Connection.Dispose();
    }
}
