namespace EpfTest.Rig.Pairs;

/// <summary>What a run is to be: its guests and links, and how the guests reach each other.</summary>
internal sealed record PairPlan
{
    public required IReadOnlyList<GuestPlan> Guests { get; init; }

    public required IReadOnlyList<LinkPlan> Links { get; init; }

    public RunLimits Limits { get; init; } = new();

    /// <summary>The guest whose KTAP judges the run; null if all exit statuses do.</summary>
    public string? Judged { get; init; }

    /// <summary>Whether that KTAP is the kernel's endpoint self-test.</summary>
    public bool NeedsSelfTest { get; init; }

    /// <summary>Folders with the source of a kernel module each, for every guest.</summary>
    public IReadOnlyList<string> ModuleSources { get; init; } = [];

    public bool TlpPath { get; init; }

    /// <summary>Whether a relay carries the links, as between two machines.</summary>
    public bool Relays { get; init; }

    public bool MapBars { get; init; }

    /// <summary>The size of the mapped window, as EpcDevice takes it; null for none.</summary>
    public string? Window { get; init; }

    /// <summary>Whether the EP guest's QEMU posts its writes through a window.</summary>
    public bool PostsEpWrites { get; init; }

    /// <summary>Whether the host guests' QEMUs post their writes to BARs.</summary>
    public bool PostsHostWrites { get; init; } = true;

    public bool HotPlug { get; init; }

    /// <summary>What EpcDevice and EpfBridge log.</summary>
    public string LogLevel { get; init; } = "Warning";
}
