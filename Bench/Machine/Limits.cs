namespace EpfTest.Bench.Machine;

/// <summary>No wait is without a limit; a figure that meets one is none.</summary>
internal static class Limits
{
    /// <summary>For a reply, also one after many messages.</summary>
    public static readonly TimeSpan Reply = TimeSpan.FromSeconds(10);

    /// <summary>For the link to come up on a busy machine.</summary>
    public static readonly TimeSpan Link = TimeSpan.FromSeconds(30);
}
