using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>Options of a <see cref="VfioUserServer"/>.</summary>
internal sealed record VfioUserServerOptions
{
    /// <summary>Serves clients of our own user, without polling or tracking.</summary>
    public static readonly VfioUserServerOptions Default = new();

    /// <summary>The users whose clients are served.</summary>
    public PeerPolicy Peers { get; init; } = PeerPolicy.SameUser;

    /// <summary>How long to poll for a client's next message before the thread sleeps; zero for not at all. It pays
    /// only on a core that nothing else needs, and has no effect with <see cref="TracksPosted"/>.</summary>
    public TimeSpan Poll { get; init; }

    /// <summary>How long a client may take to receive a reply before it is disconnected.</summary>
    internal TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether <see cref="IVfioUserClient.HasPendingPostedWrites"/> works, which costs a system call for each
    /// receive.</summary>
    public bool TracksPosted { get; init; }
}
