using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>
/// Which users may be at the other end of a socket: the one who runs this process, and those that are named. A socket's
/// mode keeps out most, but not root, nor who got hold of its directory.
/// </summary>
internal sealed class PeerPolicy
{
    /// <summary>Nobody but the user who runs this process.</summary>
    public static readonly PeerPolicy SameUser = new([]);

    private readonly HashSet<uint> _allowed;

    /// <summary>The user who runs this process, and others.</summary>
    /// <param name="alsoAllowed">User IDs beside our own.</param>
    public PeerPolicy(IEnumerable<uint> alsoAllowed)
        : this(LibC.geteuid(), alsoAllowed)
    {
    }

    internal PeerPolicy(uint user, IEnumerable<uint> alsoAllowed) => _allowed = [user, .. alsoAllowed];

    /// <summary>Why the other end of a connected socket is not to be spoken to, or null.</summary>
    public string? Refusal(UnixSocket socket)
    {
        (int process, uint user) = socket.Peer;
        return _allowed.Contains(user)
            ? null
            : $"process {process} of user {user} is at the other end; --allow-uid {user} allows it";
    }
}
