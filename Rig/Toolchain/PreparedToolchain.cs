namespace EpfTest.Rig.Toolchain;

/// <summary>What scripts/toolchain.sh has prepared.</summary>
/// <param name="System">What runs a guest.</param>
/// <param name="Modules">The kernel modules that it was asked to build, pcie-qemu-ep first.</param>
internal sealed record PreparedToolchain(GuestSystem System, IReadOnlyList<string> Modules);
