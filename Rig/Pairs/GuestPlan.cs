using EpfTest.Rig.Guests;

namespace EpfTest.Rig.Pairs;

/// <summary>A guest that a run is to have.</summary>
/// <param name="Name">Its name, which is also that of its folder.</param>
/// <param name="Role">Its side.</param>
/// <param name="Script">The file that it runs.</param>
internal sealed record GuestPlan(string Name, GuestRole Role, string Script)
{
    /// <summary>A series of Debian's or a source tree; null for the default kernel.</summary>
    public string? Kernel { get; init; }

    /// <summary>The disk image that it boots from; null for the kernel and an image of ours.</summary>
    public string? Disk { get; init; }

    public int Processors { get; init; } = 2;

    public string Memory { get; init; } = "512M";

    public GuestMemory MemoryKind { get; init; }

    /// <summary>Words for its kernel's command line.</summary>
    public IReadOnlyList<string> KernelWords { get; init; } = [];

    /// <summary>More arguments of its QEMU.</summary>
    public IReadOnlyList<string> QemuArguments { get; init; } = [];

    /// <summary>Files that it gets, as FILE[:DEST].</summary>
    public IReadOnlyList<string> Additions { get; init; } = [];

    /// <summary>Kernel modules that it gets if they are built for its kernel.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];
}
