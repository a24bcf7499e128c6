using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>How clients are served.</summary>
internal sealed record VfioUserServerOptions
{
    /// <summary>Clients of our own user, without polling and without keeping track.</summary>
    public static readonly VfioUserServerOptions Default = new();

    /// <summary>Which users' clients are served.</summary>
    public PeerPolicy Peers { get; init; } = PeerPolicy.SameUser;

    /// <summary>For how long a client's next message is asked for again and again before the thread waits; zero not to. Only
    /// worth it on a core that nobody else wants, and without effect where track is kept.</summary>
    public TimeSpan Poll { get; init; }

    /// <summary>A client that takes no replies for so long gets no more.</summary>
    internal TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the device asks <see cref="IVfioUserClient.HasPendingPostedWrites"/>; it costs a system call a receive.</summary>
    public bool TracksPosted { get; init; }
}
