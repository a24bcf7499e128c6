using EpfTest.Protocol.Link;
using EpfTest.Protocol.Link.Transport;
using Microsoft.Extensions.Logging;

namespace EpfTest.Kit.Link;

/// <summary>Both ends of a link, joined in memory if nothing else is asked for.</summary>
internal sealed class LinkPair : IDisposable
{
    private LinkPair(LinkConnection left, LinkConnection right)
    {
        Left = new OpenLink(left);
        Right = new OpenLink(right);
    }

    /// <summary>The endpoint's end.</summary>
    public OpenLink Left { get; }

    /// <summary>The bridge's end.</summary>
    public OpenLink Right { get; }

    public static LinkPair Open(
        ILinkHandler left,
        ILinkHandler right,
        ILogger leftLogger,
        ILogger rightLogger,
        (IFrameTransport Left, IFrameTransport Right)? transports = null,
        LinkSettings? settings = null)
    {
        (IFrameTransport ours, IFrameTransport theirs) = transports ?? MemoryTransport.CreatePair();
        settings ??= new LinkSettings(LinkRole.Endpoint, LinkCapabilities.None);
        Task<LinkConnection?> other = Task.Run(
            () => LinkConnection.Open(theirs, settings with { Role = LinkRole.Bridge }, right, rightLogger));
        LinkConnection? connection = LinkConnection.Open(ours, settings, left, leftLogger);
        return new LinkPair(connection!, Wait.For(other)!);
    }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }
}
