namespace EpfTest.Fuzz;

/// <summary>What is fuzzed: one input after another, on one thread, each from the same state.</summary>
internal abstract class FuzzTarget : IDisposable
{
    /// <summary>Every target by the name that the command line has for it.</summary>
    public static readonly IReadOnlyDictionary<string, Func<FuzzTarget>> All = new Dictionary<string, Func<FuzzTarget>>
    {
        ["tlp"] = () => new TlpTarget(),
        ["vfio-user"] = () => new VfioUserTarget(),
        ["link-endpoint"] = () => new LinkEndpointTarget(),
        ["link-bridge"] = () => new LinkBridgeTarget(),
        ["vhost-user"] = () => new VhostUserTarget(),
    };

    /// <summary>Whether a descriptor that is left open is a finding: nothing else in the process opens any.</summary>
    public bool OwnsDescriptors { get; set; } = true;

    /// <summary>Runs one input.</summary>
    /// <exception cref="Exception">Any is a finding.</exception>
    public abstract void Execute(ReadOnlySpan<byte> input);

    /// <inheritdoc/>
    public virtual void Dispose()
    {
    }
}
