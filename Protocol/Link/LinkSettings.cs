namespace EpfTest.Protocol.Link;

/// <summary>How a process takes part in the link.</summary>
/// <param name="Role">Its end.</param>
/// <param name="Capabilities">What it offers, if the transport can carry it.</param>
internal sealed record LinkSettings(LinkRole Role, LinkCapabilities Capabilities)
{
    public LinkTimeouts Timeouts { get; init; } = LinkTimeouts.Default;

    /// <summary>
    /// Called with true before a thread waits for the other side, and with false after that, by that thread: the other
    /// side may in turn be waiting for what the thread does otherwise.
    /// </summary>
    public Action<bool> OnWait { get; init; } = static _ => { };
}
