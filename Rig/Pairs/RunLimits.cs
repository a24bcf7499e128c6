namespace EpfTest.Rig.Pairs;

/// <summary>How long things may take. Zero is no limit.</summary>
internal sealed record RunLimits
{
    /// <summary>A guest boots and sets itself up, on a slow machine.</summary>
    public TimeSpan Boot { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>The link comes up once the EP guest is ready.</summary>
    public TimeSpan Link { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A case of a test.</summary>
    public TimeSpan Case { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A process makes its socket.</summary>
    public TimeSpan Process { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The whole run.</summary>
    public TimeSpan Run { get; init; } = TimeSpan.FromSeconds(900);

    /// <summary>The EP guest, to be ready and to end after the host: none for a script of the user's.</summary>
    public TimeSpan EpGuest { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>All of them times a factor.</summary>
    public RunLimits Times(int factor) => new()
    {
        Boot = Boot * factor,
        Link = Link * factor,
        Case = Case * factor,
        Process = Process * factor,
        Run = Run * factor,
        EpGuest = EpGuest * factor,
    };
}
