namespace EpfTest.Rig.Toolchain;

/// <summary>What runs a guest, as scripts/toolchain.sh has prepared it.</summary>
/// <param name="Qemu">The QEMU.</param>
/// <param name="Kernel">The guest's kernel.</param>
/// <param name="Initramfs">The base image for that kernel.</param>
/// <param name="Accelerator">kvm or tcg.</param>
internal sealed record GuestSystem(QemuInstallation Qemu, KernelBuild Kernel, string Initramfs, string Accelerator)
{
    public bool IsTranslated => Accelerator == "tcg";
}
