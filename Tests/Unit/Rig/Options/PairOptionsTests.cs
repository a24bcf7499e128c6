using EpfTest.Rig.Options;

namespace EpfTest.Unit.Rig.Options;

internal sealed class PairOptionsTests
{
    [TestCase("--nothing", "--nothing: unknown option")]
    [TestCase("word", "word: unknown option")]
    [TestCase("--cases", "--cases needs a value")]
    [TestCase("--datapath|fast", "--datapath fast: not one of direct, tlp")]
    [TestCase("--iommu|on", "--iommu on: not one of pass, translate")]
    [TestCase("--ep-memory|some", "--ep-memory some: not one of shared, huge, private")]
    [TestCase("--host-memory|", "--host-memory : not one of shared, huge, private")]
    [TestCase("--dma|all", "--dma all: not one of memcpy, slave, off")]
    [TestCase("--log-level|loud",
        "--log-level loud: not one of Trace, Debug, Information, Warning, Error, Critical, None")]
    [TestCase("--window|12", "--window 12: not off, nor a size such as 1M, 256M or 1G")]
    [TestCase("--host-smp|0", "--host-smp 0: not a number of processors")]
    [TestCase("--host-smp|100", "--host-smp 100: not a number of processors")]
    [TestCase("--cases|a;b", "--cases a;b: not options of the self-test")]
    [TestCase("--timeout|-1", "--timeout -1: not a number of seconds")]
    [TestCase("--case-timeout|0", "--case-timeout 0: not a number of seconds")]
    [TestCase("--boot-timeout|soon", "--boot-timeout soon: not a number of seconds")]
    [TestCase("--slow|0", "--slow 0: not a factor from 1 to 99")]
    [TestCase("--kernel|new", "--kernel new: not a series such as 7.3")]
    [TestCase("--kernel-src|/nowhere", "--kernel-src /nowhere: no such directory")]
    [TestCase("--host-kernel|/nowhere", "--host-kernel /nowhere: no such directory")]
    [TestCase("--kernel-config|/nowhere", "--kernel-config /nowhere: cannot be read")]
    [TestCase("--host-disk|/nowhere", "--host-disk /nowhere: not a file that can be read")]
    [TestCase("--host-disk|/etc/passwd",
        "--host-disk needs --host-script, and excludes --hotplug and --shell (docs/kernels.md)")]
    [TestCase("--host-disk|/etc/passwd|--host-script|/etc/passwd|--hotplug",
        "--host-disk needs --host-script, and excludes --hotplug and --shell (docs/kernels.md)")]
    [TestCase("--kernel-image|/nowhere", "--kernel-image /nowhere: no such file")]
    [TestCase("--kernel-modules|/nowhere", "--kernel-modules /nowhere: no such directory")]
    [TestCase("--accel|xen", "--accel xen: not one of auto, kvm, tcg")]
    [TestCase("--ep-script|/", "--ep-script /: not a file that can be read")]
    [TestCase("--module|/nowhere", "--module /nowhere: not a file that can be read")]
    [TestCase("--add|/nowhere:x", "--add /nowhere:x: cannot be read")]
    [TestCase("--map-bars|--datapath|tlp", "--map-bars needs shared memory, so it excludes --datapath tlp")]
    [TestCase("--no-pin|--pin|one", "--no-pin and --pin exclude each other")]
    [TestCase("--shell|--hotplug", "--hotplug and --shell exclude each other")]
    public void AnInvalidCommandLineIsExplained(string words, string message) =>
        Assert.That(() => Read(words), Throws.TypeOf<UsageException>().With.Message.EqualTo(message));

    [Test]
    public void ValuesThatLookLikeOptionsAreValues()
    {
        PairOptions options = Read("--cases|-V memcpy -T MSI_TEST|--ep-qemu|-device x|--ep-qemu|-m 1G|--shell");
        Assert.That(options.Cases, Is.EqualTo("-V memcpy -T MSI_TEST"));
        Assert.That(string.Join('|', options.EpQemu), Is.EqualTo("-device x|-m 1G"));
    }

    [Test]
    public void TheLastValueCounts() =>
        Assert.That(Read("--dma|slave|--hotplug|--dma|off|--hotplug").Dma, Is.EqualTo("off"));

    [TestCase("--kernel|6.12|--accel|tcg", null, "--kernel|6.12|--accel|tcg")]
    [TestCase("--kernel|6.12", "7.3", "--kernel|7.3")]
    [TestCase("--kernel-image|/etc/passwd|--kernel-modules|/tmp", null,
        "--kernel-image|/etc/passwd|--kernel-modules|/tmp")]
    [TestCase("--kernel-config|/dev/null|--kernel-config|/etc/passwd", "/tmp",
        "--kernel-src|/tmp|--kernel-config|/dev/null|--kernel-config|/etc/passwd")]
    public void TheToolchainGetsItsOptions(string words, string? kernel, string arguments) =>
        Assert.That(string.Join('|', Read(words).ToolchainArguments(kernel)), Is.EqualTo(arguments));

    private static PairOptions Read(string words)
    {
        PairOptions options = CommandLineReader.Read<PairOptions>(words.Split('|'));
        if (!options.Shell || options.HotPlug)
        {
            options.Check();
        }

        return options;
    }
}
