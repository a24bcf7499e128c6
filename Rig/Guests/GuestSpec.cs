using EpfTest.Rig.Toolchain;

namespace EpfTest.Rig.Guests;

/// <summary>A guest to start.</summary>
/// <param name="Name">Its name in a run, such as ep or host.</param>
/// <param name="Title">Its name in messages.</param>
/// <param name="System">What runs it.</param>
/// <param name="Image">Its initramfs.</param>
internal sealed record GuestSpec(string Name, string Title, GuestSystem System, string Image)
{
    /// <summary>Root ports of every guest.</summary>
    public const int MinRootPorts = 4;

    /// <summary>The disk that it boots from, instead of kernel and initramfs.</summary>
    public GuestDisk? Disk { get; init; }

    public string Memory { get; init; } = "512M";

    public int Processors { get; init; } = 2;

    public GuestMemory MemoryKind { get; init; }

    /// <summary>Whether interrupts are remapped, without which a device has one MSI vector.</summary>
    public bool HasIommu { get; init; } = true;

    public int RootPorts { get; init; } = MinRootPorts;

    /// <summary>Words for the kernel's command line, after those of every guest.</summary>
    public IReadOnlyList<string> KernelWords { get; init; } = [];

    /// <summary>More arguments of QEMU: devices, and what the user adds.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>The cores that its QEMU may use; null for all.</summary>
    public string? Cores { get; init; }
}
