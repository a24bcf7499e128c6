using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>
/// The users who may be at the other end of a socket: the one who runs this process, and others that are named. The
/// mode of a socket's file does not keep out root, nor a user who can change its directory.
/// </summary>
internal sealed class PeerPolicy
{
    /// <summary>Allows only the user who runs this process.</summary>
    public static readonly PeerPolicy SameUser = new([]);

    private readonly HashSet<uint> _allowed;

    /// <summary>Allows the user who runs this process, and others.</summary>
    public PeerPolicy(IEnumerable<uint> alsoAllowed)
        : this(LibC.geteuid(), alsoAllowed)
    {
    }

    internal PeerPolicy(uint user, IEnumerable<uint> alsoAllowed) => _allowed = [user, .. alsoAllowed];

    /// <summary>The reason to refuse the peer of a connected socket, or null.</summary>
    public string? Refusal(UnixSocket socket)
    {
        (int process, uint user) = socket.Peer;
        return _allowed.Contains(user)
            ? null
            : $"process {process} of user {user} is at the other end; --allow-uid {user} allows it";
    }
}
