namespace EpfTest.Protocol.Hosting;

/// <summary>How data travels between the guests.</summary>
internal enum DataPath
{
    /// <summary>Through memory that the guests' QEMUs share, as far as they do.</summary>
    Direct,
    /// <summary>As TLPs on the link.</summary>
    Tlp,
}
