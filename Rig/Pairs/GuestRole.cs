namespace EpfTest.Rig.Pairs;

/// <summary>The side of a link on which a guest is.</summary>
internal enum GuestRole
{
    /// <summary>It has the endpoint controller.</summary>
    Ep,
    /// <summary>It sees the endpoint.</summary>
    Host,
}
