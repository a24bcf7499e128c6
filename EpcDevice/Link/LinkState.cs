namespace EpfTest.EpcDevice.Link;

/// <summary>The link as the controller sees it.</summary>
/// <remarks>Changed under the controller's lock; <see cref="Host"/> and <see cref="Up"/> may be read without it.</remarks>
internal sealed class LinkState
{
    private volatile IHostLink _host = new NoHostLink();
    private volatile bool _up;

    /// <summary>The way to the host.</summary>
    public IHostLink Host
    {
        get => _host;
        set => _host = value;
    }

    /// <summary>LINK_CONTROL's ENABLE: the EP guest wants the link up.</summary>
    public bool Enabled { get; set; }

    /// <summary>There is no host side.</summary>
    public bool PerstAsserted { get; set; } = true;

    /// <summary>The link was told to come up: the host may see the functions, so what they are is fixed.</summary>
    public bool Trained { get; set; }

    /// <summary>The link is up.</summary>
    public bool Up
    {
        get => _up;
        set => _up = value;
    }
}
