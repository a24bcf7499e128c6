namespace EpfTest.Rig.Toolchain;

/// <summary>What a run adds to a guest's base image.</summary>
internal sealed record ImageSpec
{
    /// <summary>What the guest runs; null for a shell.</summary>
    public string? Script { get; init; }

    /// <summary>Files as FILE[:DEST].</summary>
    public IReadOnlyList<string> Additions { get; init; } = [];

    /// <summary>Kernel modules.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    public bool IsEmpty => Script is null && Additions.Count == 0 && Modules.Count == 0;

    /// <summary>The arguments of scripts/image.sh.</summary>
    public IEnumerable<string> Arguments =>
    [
        .. Script is null ? [] : new[] { "--script", Script },
        .. Additions.SelectMany(addition => new[] { "--add", addition }),
        .. Modules.SelectMany(module => new[] { "--module", module }),
    ];
}
