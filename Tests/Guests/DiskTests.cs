using System.Diagnostics;
using System.Runtime.Versioning;
using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>A host guest that boots from a disk of its own.</summary>
[SupportedOSPlatform("linux")]
internal sealed class DiskTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    // $1 is a folder. The disk is a FAT file system with syslinux, Debian's kernel and our base image.
    private const string MakeDisk = """
        set -euo pipefail
        . scripts/lib/common.sh
        . scripts/lib/toolchain.sh
        need_tools syslinux syslinux mformat mtools
        debian_kernel_image
        TOOLCHAIN_KERNEL=$KERNEL_IMAGE TOOLCHAIN_ACCEL=tcg
        prepare_toolchain
        run_initramfs "$1/initrd" --add "$1/init:/disk-init"
        truncate -s 100M "$1/disk"
        mformat -i "$1/disk" -F ::
        mcopy -i "$1/disk" "$KERNEL_DIR/bzImage" ::vmlinuz
        mcopy -i "$1/disk" "$1/initrd" ::initrd
        mcopy -i "$1/disk" "$1/syslinux.cfg" ::
        syslinux --install "$1/disk"
        """;

    // What an image without systemd needs.
    private const string Init = """
        #!/bin/sh
        export PATH=/sbin:/bin:/usr/sbin:/usr/bin
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys
        mount -t devtmpfs devtmpfs /dev
        mkdir -p /run
        modprobe qemu_fw_cfg
        sh /sys/firmware/qemu_fw_cfg/by_name/opt/epftest/agent/raw
        poweroff -f
        """;

    private const string Script = """
        #!/bin/sh
        echo "kernel $(uname -r)"
        for device in /sys/bus/pci/devices/*; do
            echo "device $(cat "$device/vendor") $(cat "$device/device")"
        done
        """;

    [Test]
    public void ADiskWithItsOwnKernelIsAHost()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("init"), Init);
        File.SetUnixFileMode(folder.File("init"), (UnixFileMode)0b111_101_101);
        File.WriteAllText(
            folder.File("syslinux.cfg"),
            "DEFAULT linux\nLABEL linux\nKERNEL vmlinuz\nINITRD initrd\nAPPEND console=ttyS0 rdinit=/disk-init\n");
        File.WriteAllText(folder.File("script"), Script);
        var start = new ProcessStartInfo("bash", ["-c", MakeDisk, "bash", folder.Path])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardError = true,
        };
        using (Process process = Process.Start(start)!)
        {
            Task<string> errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(s_limit))
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail($"the disk was not made after {s_limit}");
            }

            Assert.That(process.ExitCode, Is.Zero, () => errors.Result);
        }

        string[] lines = PairTests.RunPair(
            "--host-disk", folder.File("disk"), "--host-script", folder.File("script"), "--slow", "2");
        Assert.That(lines, Has.Some.Match(@"^host \| kernel [0-9.]+\+deb[0-9]+-amd64$"));
        Assert.That(lines, Does.Contain("host | device 0x104c 0xb500"));
    }
}
