namespace EpfTest.Protocol.Hosting;

/// <summary>How data travels between the guests.</summary>
internal enum DataPath
{
    /// <summary>Through shared memory where there is some.</summary>
    Direct,
    /// <summary>As TLPs on the link.</summary>
    Tlp,
}
