namespace EpfTest.EpcDevice.Link;

/// <summary>The link's state, and the only place that changes it.</summary>
/// <remarks>Changed under the controller's lock; read by any thread.</remarks>
internal sealed class LinkTraining
{
    private volatile LinkState _state;

    /// <summary>The state.</summary>
    public LinkState State => _state;

    /// <summary>Whether there is no host side.</summary>
    public bool IsPerstAsserted => _state == LinkState.Detect;

    /// <summary>LINK_CONTROL.ENABLE: the EP guest wants the link up.</summary>
    public bool IsEnabled => _state is LinkState.Polling or LinkState.Configuration or LinkState.L0;

    /// <summary>Whether the host may see the functions, so that they are fixed.</summary>
    public bool AreFunctionsFixed => _state is LinkState.Configuration or LinkState.L0 or LinkState.Recovery;

    /// <summary>Whether the functions may send requests.</summary>
    public bool IsUp => _state is LinkState.L0;

    /// <summary>Takes an event.</summary>
    /// <returns>Whether it changed the state; false where the event has no meaning.</returns>
    public bool Take(LinkEvent linkEvent)
    {
        LinkState next = (_state, linkEvent) switch
        {
            (LinkState.Detect, LinkEvent.HostArrived) => LinkState.Disabled,
            (_, LinkEvent.HostLeft) => LinkState.Detect,
            (LinkState.Disabled, LinkEvent.Enable) => LinkState.Polling,
            (LinkState.Polling, LinkEvent.Disable) => LinkState.Disabled,
            (LinkState.Polling, LinkEvent.FunctionsReady) => LinkState.Configuration,
            (LinkState.Configuration, LinkEvent.Up) => LinkState.L0,
            (LinkState.Configuration or LinkState.L0, LinkEvent.Disable) => LinkState.Recovery,
            (LinkState.Recovery, LinkEvent.Down) => LinkState.Disabled,
            var (same, _) => same,
        };
        bool changed = next != _state;
        _state = next;
        return changed;
    }
}
