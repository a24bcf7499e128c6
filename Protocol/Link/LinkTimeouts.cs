namespace EpfTest.Protocol.Link;

/// <summary>How long an end of the link waits for the other.</summary>
internal sealed record LinkTimeouts
{
    /// <summary>What the processes use.</summary>
    public static readonly LinkTimeouts Default = new();

    /// <summary>Until all of the hello has come.</summary>
    public TimeSpan Hello { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Until the other side reads what was sent; the link then ends.</summary>
    public TimeSpan Send { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Until there is room for what is to be sent; whoever sends then gets an error.</summary>
    public TimeSpan Room { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Until an order is acknowledged; the link then ends.</summary>
    public TimeSpan Acknowledge { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Until all that one caller asks is completed: PCIe's completion time-out.</summary>
    public TimeSpan Completion { get; init; } = TimeSpan.FromSeconds(2);
}
