namespace EpfTest.EpcDevice.Link;

/// <summary>What changes the state of the link.</summary>
internal enum LinkEvent
{
    /// <summary>A bridge has connected.</summary>
    HostArrived,

    /// <summary>The bridge has gone.</summary>
    HostLeft,

    /// <summary>The EP guest sets LINK_CONTROL.ENABLE.</summary>
    Enable,

    /// <summary>The EP guest clears LINK_CONTROL.ENABLE.</summary>
    Disable,

    /// <summary>The functions are complete.</summary>
    FunctionsReady,

    /// <summary>The bridge has acknowledged that the link is up.</summary>
    Up,

    /// <summary>The bridge has acknowledged that the link is down.</summary>
    Down,
}
