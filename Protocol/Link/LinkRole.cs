namespace EpfTest.Protocol.Link;

/// <summary>Which end of the link a process is.</summary>
internal enum LinkRole : uint
{
    /// <summary>EpcDevice.</summary>
    Endpoint = 1,
    /// <summary>EpfBridge.</summary>
    Bridge = 2,
}
