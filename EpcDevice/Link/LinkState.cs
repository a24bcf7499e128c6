namespace EpfTest.EpcDevice.Link;

/// <summary>States of the link, named after the LTSSM's (PCI Express Base Specification 6.0, section 4.2.6).</summary>
internal enum LinkState
{
    /// <summary>No bridge is connected: PERST# is asserted.</summary>
    Detect,

    /// <summary>A bridge is connected, and the EP guest keeps the link disabled.</summary>
    Disabled,

    /// <summary>The EP guest has enabled the link, and function 0 is not complete.</summary>
    Polling,

    /// <summary>The functions are fixed, and the bridge is being told of them.</summary>
    Configuration,

    /// <summary>The link is up.</summary>
    L0,

    /// <summary>The EP guest has disabled the link, and the host is letting go of the functions.</summary>
    Recovery,
}
