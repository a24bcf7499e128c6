namespace EpfTest.Fuzz;

/// <summary>A fuzz target: executes inputs one after another on one thread, each from the same state.</summary>
internal abstract class FuzzTarget : IDisposable
{
    /// <summary>The targets by their name on the command line.</summary>
    public static readonly IReadOnlyDictionary<string, Func<FuzzTarget>> All = new Dictionary<string, Func<FuzzTarget>>
    {
        ["tlp"] = () => new TlpTarget(),
        ["vfio-user"] = () => new VfioUserTarget(),
        ["link-endpoint"] = () => new LinkEndpointTarget(),
        ["link-bridge"] = () => new LinkBridgeTarget(),
        ["vhost-user"] = () => new VhostUserTarget(),
    };

    /// <summary>Whether a descriptor left open is a finding: nothing else in the process opens any.</summary>
    public bool OwnsDescriptors { get; set; } = true;

    /// <exception cref="Exception">A finding.</exception>
    public abstract void Execute(ReadOnlySpan<byte> input);

    public virtual void Dispose()
    {
    }
}
