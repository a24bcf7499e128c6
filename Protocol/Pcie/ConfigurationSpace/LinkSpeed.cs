namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Link speed for each lane, as the Link registers encode it. PCI Express Base Specification 6.0, section 7.5.3.6.
/// </summary>
internal enum LinkSpeed
{
    /// <summary>2.5 GT/s.</summary>
    GT2_5 = 1,

    /// <summary>5.0 GT/s.</summary>
    GT5 = 2,

    /// <summary>8.0 GT/s.</summary>
    GT8 = 3,

    /// <summary>16.0 GT/s.</summary>
    GT16 = 4,

    /// <summary>32.0 GT/s.</summary>
    GT32 = 5,

    /// <summary>64.0 GT/s.</summary>
    GT64 = 6,
}
