using EpfTest.Kit;
using EpfTest.Rig.Guests;
using EpfTest.Rig.Toolchain;

namespace EpfTest.Unit.Rig.Guests;

internal sealed class QemuCommandLineTests
{
    // What the guests ran with before this code made it.
    private const string EpGuest = """
        /q -machine q35,kernel-irqchip=split -nodefaults -no-user-config -no-reboot -display none -m 512M -smp 2
        -accel kvm -cpu host -object memory-backend-memfd,id=mem,size=512M,share=on -machine memory-backend=mem
        -device intel-iommu,intremap=on,caching-mode=on
        -device pcie-root-port,id=rp0,chassis=1,slot=0,mem-reserve=64M,pref64-reserve=4G
        -device pcie-root-port,id=rp1,chassis=1,slot=1,mem-reserve=64M,pref64-reserve=4G
        -device pcie-root-port,id=rp2,chassis=1,slot=2,mem-reserve=64M,pref64-reserve=4G
        -device pcie-root-port,id=rp3,chassis=1,slot=3,mem-reserve=64M,pref64-reserve=4G
        -kernel /k/bzImage -initrd /s/ep.cpio -append
        console=ttyS0 panic=-1 oops=panic no_timer_check intel_iommu=on iommu=pt
        sysctl.kernel.hung_task_timeout_secs=20 epftest.run=/epftest/run pcie_qemu_ep.dma=memcpy -device x
        """;

    private const string PrivateGuest = """
        /q -machine q35,kernel-irqchip=split -nodefaults -no-user-config -no-reboot -display none -m 1G -smp 12
        -accel tcg
        -device pcie-root-port,id=rp0,chassis=1,slot=0,mem-reserve=64M,pref64-reserve=4G
        -kernel /k/bzImage -initrd /s/host.cpio -append
        console=ttyS0 panic=-1 oops=panic no_timer_check intel_iommu=on iommu=pt
        sysctl.kernel.hung_task_timeout_secs=20 tsc=reliable lpj=2300000
        """;

    private const string ProcessorInfo = "processor\t: 0\nbogomips\t: 4600.00\nprocessor\t: 1\nbogomips\t: 4600.00\n";

    private static readonly QemuConfigs s_configs = new(Path.Combine(EpfTest.Kit.Repository.Root, "qemu-configs"));

    [Test]
    public void AGuestHasTheArgumentsThatItHadBefore() => AssertIs(
        EpGuest,
        new GuestSpec("ep", "EP guest", System("/k", "kvm"), "/s/ep.cpio")
        {
            KernelWords = ["epftest.run=/epftest/run", "pcie_qemu_ep.dma=memcpy"],
            Arguments = ["-device", "x"],
        });

    [Test]
    public void ATranslatedGuestIsToldTheClock()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config"), "CONFIG_HZ_1000=y\nCONFIG_HZ=1000\n");
        AssertIs(
            PrivateGuest.Replace("/k/", folder.Path + "/", StringComparison.Ordinal),
            new GuestSpec("host", "host guest", System(folder.Path, "tcg"), "/s/host.cpio")
            {
                Memory = "1G",
                Processors = 12,
                MemoryKind = GuestMemory.Private,
                HasIommu = false,
                RootPorts = 1,
            });
    }

    [Test]
    public void MemoryCanBeInHugePages() => AssertIs(
        EpGuest.Replace(",share=on ", ",share=on,hugetlb=on ", StringComparison.Ordinal)
            .Replace(" epftest.run=/epftest/run pcie_qemu_ep.dma=memcpy -device x", "", StringComparison.Ordinal),
        new GuestSpec("ep", "EP guest", System("/k", "kvm"), "/s/ep.cpio") { MemoryKind = GuestMemory.Huge });

    /// <summary>A disk has its own kernel; our script, and what runs it, are files that its firmware has.</summary>
    [Test]
    public void ADiskTakesThePlaceOfKernelAndImage()
    {
        var spec = new GuestSpec("host", "host guest", System("/k", "kvm"), "/s/host.cpio")
        {
            Disk = new GuestDisk("/d/a,b.qcow2", "/s/run", "/g/disk-agent"),
            Arguments = ["-device", "x"],
        };
        string words = string.Join(' ', QemuCommandLine.Build(spec, s_configs, ProcessorInfo));
        Assert.That(words, Does.Not.Contain("-kernel").And.Not.Contain("-initrd").And.Not.Contain("-append"));
        Assert.That(
            words,
            Does.Contain(" -drive if=none,id=disk,snapshot=on,file=/d/a,,b.qcow2"
                + " -device virtio-blk-pci,drive=disk,bootindex=0 -fw_cfg name=opt/epftest/run,file=/s/run"
                + " -fw_cfg name=opt/epftest/agent,file=/g/disk-agent -smbios"));
        Assert.That(words, Does.EndWith(" -device x"));
    }

    [TestCase("CONFIG_HZ=250\n", "bogomips\t: 4000.50\n", "tsc=reliable lpj=8001000")]
    [TestCase("CONFIG_HZ=250\n", "BogoMIPS\t: 48.00\n", "")]
    [TestCase("", "bogomips\t: 4000.50\n", "")]
    public void ClockWordsAreThisMachines(string configuration, string processorInfo, string words) =>
        Assert.That(string.Join(' ', ClockWords.Of(configuration, processorInfo)), Is.EqualTo(words));

    [TestCase("""{"driver":"vfio-user-pci","a":1}""", """{"bus":"rp1","driver":"vfio-user-pci","a":1}""")]
    [TestCase("vfio-user-pci,x=1", "vfio-user-pci,x=1,bus=rp1")]
    [TestCase("vfio-user-pci,x=1,bus=rp3", "vfio-user-pci,x=1,bus=rp3")]
    [TestCase("""{"driver":"vfio-user-pci","bus":"rp3"}""", """{"driver":"vfio-user-pci","bus":"rp3"}""")]
    [TestCase("e1000e", "e1000e")]
    public void OurDevicesGoToRootPorts(string device, string placed) =>
        Assert.That(QemuCommandLine.OnRootPort(1, device), Is.EqualTo(placed));

    [Test]
    public void WordsOfAFileHaveNoCommentsAndHaveValues() => Assert.That(
        string.Join(' ', s_configs.Words("window.args", ("SOCKET", "/s/window"), ("ID", "epc"), ("BUS", "rp1"))),
        Is.EqualTo("-chardev socket,id=epc-window,path=/s/window -device vhost-user-test-device-pci,id=epc-window,"
            + "chardev=epc-window,virtio-id=6,num_vqs=1,config_size=8,bus=rp1"));

    private static GuestSystem System(string kernel, string accelerator) =>
        new(new QemuInstallation("/q", "11.1.3", true), new KernelBuild(kernel, "7.3.4"), "/i", accelerator);

    private static void AssertIs(string expected, GuestSpec guest) => Assert.That(
        string.Join(' ', QemuCommandLine.Build(guest, s_configs, ProcessorInfo)),
        Is.EqualTo(expected.ReplaceLineEndings(" ")));
}
