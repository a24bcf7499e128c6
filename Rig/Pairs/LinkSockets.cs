namespace EpfTest.Rig.Pairs;

/// <summary>The sockets of a link's two processes.</summary>
/// <param name="folder">Where they are. Its name is short enough for a socket's path.</param>
/// <param name="suffix">What tells the links of a run apart; empty for the first.</param>
internal sealed class LinkSockets(string folder, string suffix)
{
    /// <summary>Between the processes.</summary>
    public string Link { get; } = Path.Combine(folder, "link" + suffix);

    /// <summary>The relay's, if there is one, for EpfBridge.</summary>
    public string Relay { get; } = Path.Combine(folder, "relay" + suffix);

    /// <summary>The controller, for the EP guest's QEMU.</summary>
    public string Epc { get; } = Path.Combine(folder, "epc" + suffix);

    /// <summary>The mapped window, for the same QEMU.</summary>
    public string Window { get; } = Path.Combine(folder, "window" + suffix);

    /// <summary>The endpoint, for the host guest's QEMU; there while the link is up.</summary>
    public string Endpoint { get; } = Path.Combine(folder, "endpoint" + suffix);
}
