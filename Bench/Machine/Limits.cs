namespace EpfTest.Bench.Machine;

/// <summary>Time limits of waits. A measurement that exceeds one fails.</summary>
internal static class Limits
{
    /// <summary>For a reply, even after many messages.</summary>
    public static readonly TimeSpan Reply = TimeSpan.FromSeconds(10);

    /// <summary>For the link to come up on a busy machine.</summary>
    public static readonly TimeSpan Link = TimeSpan.FromSeconds(30);
}
