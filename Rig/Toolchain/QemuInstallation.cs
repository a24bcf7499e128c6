namespace EpfTest.Rig.Toolchain;

/// <summary>A QEMU that has vfio-user-pci.</summary>
/// <param name="Path">The program.</param>
/// <param name="Version">Its version, such as 11.1.3.</param>
/// <param name="HasWindow">Whether it can map memory for a vhost-user device: the mapped window.</param>
internal sealed record QemuInstallation(string Path, string Version, bool HasWindow);
