namespace EpfTest.Protocol.Link;

/// <summary>Time limits of an end of the link.</summary>
internal sealed record LinkTimeouts
{
    public static readonly LinkTimeouts Default = new();

    /// <summary>Until the whole HELLO has been received.</summary>
    public TimeSpan Hello { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Until the other side reads; then the link ends.</summary>
    public TimeSpan Send { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Until there is room to send; then the sender gets an error.</summary>
    public TimeSpan Room { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Until a link request is acknowledged; then the link ends.</summary>
    public TimeSpan Acknowledge { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Until all requests of one call are completed: PCIe's completion time-out.</summary>
    public TimeSpan Completion { get; init; } = TimeSpan.FromSeconds(2);
}
