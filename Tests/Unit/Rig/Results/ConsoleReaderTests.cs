using EpfTest.Kit;
using EpfTest.Rig.Results;

namespace EpfTest.Unit.Rig.Results;

/// <summary>
/// Samples/ has consoles. The warning of __pci_epc_create and the panic are from runs; the others follow the formats of
/// the kernel's sources.
/// </summary>
internal sealed class ConsoleReaderTests
{
    [Test]
    public void AWarningHasItsTextItsTitleAndItsTrace()
    {
        ConsoleReport report = ReadOne("warning-epc-create.log");
        Assert.Multiple(() =>
        {
            Assert.That(report.Kind, Is.EqualTo(ReportKind.Warning));
            Assert.That(report.Title, Does.StartWith("WARNING: drivers/pci/endpoint/pci-epc-core.c:1089 at __pci"));
            Assert.That(report.Lines[1], Is.EqualTo("This architecture doesn't support generic PCI domains"));
            Assert.That(report.Lines[^1], Is.EqualTo("---[ end trace 0000000000000000 ]---"));
            Assert.That(report.FirstLine, Is.EqualTo(4));
            Assert.That(
                Words(report.Functions.Take(4)),
                Is.EqualTo("__pci_epc_create __devm_pci_epc_create qemu_ep_probe pci_device_probe"));
            Assert.That(report.Functions, Has.None.EqualTo("__device_attach_driver"), "an entry with a question mark");
            Assert.That(report.Functions[^1], Is.EqualTo("entry_SYSCALL_64_after_hwframe"));
        });
    }

    [Test]
    public void APanicWithoutAnEndMarkEndsWithItsTrace()
    {
        ConsoleReport report = ReadOne("panic-sysrq.log");
        Assert.That(report.Kind, Is.EqualTo(ReportKind.Panic));
        Assert.That(report.Title, Is.EqualTo("Kernel panic - not syncing: sysrq triggered crash"));
        Assert.That(report.Functions, Does.Contain("sysrq_handle_crash"));
        Assert.That(report.Lines[^1], Is.EqualTo(" </TASK>"));
    }

    [Test]
    public void ALockdepReportIsOneWithAllItsChains()
    {
        ConsoleReport report = ReadOne("lockdep-circular.log");
        Assert.Multiple(() =>
        {
            Assert.That(report.Kind, Is.EqualTo(ReportKind.Lockdep));
            Assert.That(report.Title, Is.EqualTo("WARNING: possible circular locking dependency detected"));
            Assert.That(report.Functions[0], Is.EqualTo("dump_stack_lvl"), "the chains have traces, too");
            Assert.That(report.Functions, Does.Contain("print_circular_bug"), "the compiler's .cold is cut off");
            Assert.That(report.Functions, Does.Contain("pci_primary_epc_epf_unlink"));
            Assert.That(report.Lines[^1], Is.EqualTo(" </TASK>"));
        });
    }

    [Test]
    public void AKasanReportHasTheTraceOfTheAccess()
    {
        ConsoleReport report = ReadOne("kasan-use-after-free.log");
        Assert.Multiple(() =>
        {
            Assert.That(report.Kind, Is.EqualTo(ReportKind.Kasan));
            Assert.That(report.Title, Does.StartWith("BUG: KASAN: slab-use-after-free in pci_epf_test_cmd_handler"));
            Assert.That(report.Functions, Does.Contain("pci_epf_test_cmd_handler"));
            Assert.That(report.Functions, Has.None.EqualTo("kasan_save_stack"), "those of allocation and free");
            Assert.That(report.Lines[0], Does.StartWith("====="));
            Assert.That(report.Lines[^1], Does.StartWith("====="));
        });
    }

    [Test]
    public void AnOopsOfArm64IsOneReport()
    {
        ConsoleReport report = ReadOne("oops-arm64.log");
        Assert.Multiple(() =>
        {
            Assert.That(report.Kind, Is.EqualTo(ReportKind.Oops));
            Assert.That(report.Title, Does.StartWith("Unable to handle kernel NULL pointer dereference"));
            Assert.That(
                Words(report.Functions),
                Is.EqualTo("qemu_ep_set_bar pci_epc_set_bar pci_epf_test_set_bar pci_epf_test_epc_init "
                    + "pci_epc_init_notify el0t_64_sync"),
                "another processor's line came between");
            Assert.That(report.Lines[^1], Is.EqualTo("---[ end trace 0000000000000000 ]---"));
        });
    }

    [Test]
    public void AnOopsOfX86IsOneReportAndThePanicAfterItAnother()
    {
        IReadOnlyList<ConsoleReport> reports = Read("oops-x86.log");
        Assert.That(Words(reports.Select(report => report.Kind)), Is.EqualTo("Bug Panic"));
        Assert.That(
            Words(reports[0].Functions),
            Is.EqualTo("qemu_ep_set_bar pci_epc_set_bar pci_epf_test_set_bar pci_epf_test_epc_init "
                + "pci_epc_init_notify entry_SYSCALL_64_after_hwframe"));
        Assert.That(reports[1].Title, Is.EqualTo("Kernel panic - not syncing: Fatal exception"));
        Assert.That(reports[1].Functions, Is.Empty);
    }

    [Test]
    public void AHungTaskHasTheTraceOfTheTask()
    {
        ConsoleReport report = ReadOne("hung-task.log");
        Assert.That(report.Kind, Is.EqualTo(ReportKind.HungTask));
        Assert.That(report.Functions, Does.Contain("qemu_ep_remove"));
    }

    [Test]
    public void StallsOfRcuAndOfTheWatchdogAreReports()
    {
        IReadOnlyList<ConsoleReport> reports = Read("stall.log");
        Assert.That(Words(reports.Select(report => report.Kind)), Is.EqualTo("Stall Stall"));
        Assert.That(Words(reports[0].Functions), Is.EqualTo("qemu_ep_wait_commit qemu_ep_start pci_epc_start"));
    }

    [Test]
    public void SanitizersLeaksAndUnhandledInterruptsAreReports()
    {
        IReadOnlyList<ConsoleReport> reports = Read("others.log");
        Assert.That(
            Words(reports.Select(report => report.Kind)), Is.EqualTo("Ubsan Kcsan Kmemleak UnhandledInterrupt"));
        Assert.That(
            Words(reports[1].Functions),
            Is.EqualTo("epf_ntb_cmd_handler process_one_work epf_ntb_peer_db_set"),
            "KCSAN's traces have no headings");
        Assert.That(reports[2].Lines, Has.Count.EqualTo(1));
        Assert.That(Words(reports[3].Functions), Is.EqualTo("__report_bad_irq note_interrupt"));
    }

    [Test]
    public void ABootNamesTheKernelOfTheReportsAfterIt()
    {
        ConsoleReport report = ReadOne("warning-6.12.log");
        Assert.That(report.Kernel, Is.EqualTo("6.12.48"));
        Assert.That(report.Title, Does.EndWith("pci-epc-core.c:1018 __pci_epc_create+0x9b/0x140"));
    }

    [Test]
    public void AFingerprintIsTheSameAtOtherAddressesAndTimes()
    {
        string[] console = Lines("warning-epc-create.log");
        ConsoleReport one = ConsoleReader.Read(console).Single();
        ConsoleReport other = ConsoleReader.Read(
            console.Select(line => line.Replace("[    1.8", "[   27.9").Replace("+0x", "+0x1f"))).Single();
        Assert.That(one.Fingerprint, Does.Match("^[0-9a-f]{12}$"));
        Assert.That(other.Fingerprint, Is.EqualTo(one.Fingerprint));
    }

    [Test]
    public void AFingerprintDiffersForAnotherTraceAndForAnotherKind()
    {
        string[] console = Lines("warning-epc-create.log");
        string one = ConsoleReader.Read(console).Single().Fingerprint;
        string trace = ConsoleReader.Read(console.Select(line => line.Replace("really_probe", "other_probe"))).Single()
            .Fingerprint;
        string kind = ConsoleReader.Read(console.Select(line => line.Replace("WARNING:", "BUG:"))).Single().Fingerprint;
        Assert.That((string[])[one, trace, kind], Is.Unique);
    }

    [Test]
    public void WithoutATraceTheTitleIsTheFingerprintWithoutItsNumbers()
    {
        string[] prints =
        [
            ConsoleReader.Read(["kmemleak: 3 new suspected memory leaks"]).Single().Fingerprint,
            ConsoleReader.Read(["kmemleak: 11 new suspected memory leaks"]).Single().Fingerprint,
        ];
        Assert.That(prints[0], Is.EqualTo(prints[1]));
    }

    [Test]
    public void AReportEndsWhereTheGuestBootsAgain()
    {
        string[] console = [.. Lines("panic-sysrq.log")[..12], "[    0.000000] Linux version 7.3.4 (root@vm) #1", "x"];
        ConsoleReport report = ConsoleReader.Read(console).Single();
        Assert.That(report.Lines, Has.None.Contains("Linux version"));
    }

    [Test]
    public void AReportThatNothingEndsHasALimit()
    {
        string[] console = ["BUG: Bad page state", .. Enumerable.Range(0, 1000).Select(i => $"line {i}")];
        Assert.That(ConsoleReader.Read(console).Single().Lines, Has.Count.LessThan(20));
        string[] endless = ["BUG: Bad page state", "Call Trace:", " <TASK>", .. console];
        Assert.That(ConsoleReader.Read(endless)[0].Lines, Has.Count.LessThan(500));
    }

    [TestCase("[    0.000000] Command line: console=ttyS0 panic=-1 oops=panic")]
    [TestCase("[    1.0] pci 0000:00:02.0: BUG in the firmware")]
    [TestCase("[    1.0] traps: script[52] general protection fault ip:4ae3f7 sp:7ffe42049870 error:0")]
    [TestCase("[    1.0] rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.")]
    [TestCase("[    1.0] rcu: INFO: Stall ended during stack backtracing.")]
    [TestCase("[    1.0] kmemleak: Kernel memory leak detector initialized (mem pool available: 15678)")]
    public void AnOrdinaryLineIsNoReport(string line) => Assert.That(ConsoleReader.Read([line]), Is.Empty);

    [Test]
    public void AnExcerptBeginsWithTheFirstReport()
    {
        string[] console = Lines("oops-x86.log");
        string[] shown = [.. ConsoleExcerpt.Of(["boot\r", .. console], ConsoleReader.Read(["boot", .. console]))];
        Assert.That(shown[0], Does.Contain("BUG: kernel NULL pointer"));
        string[] quiet = [.. Enumerable.Range(0, 50).Select(i => $"{i}\r")];
        Assert.That(ConsoleExcerpt.Of(quiet, []).First(), Is.EqualTo("35"));
    }

    internal static string[] Lines(string sample) => File.ReadAllLines(Path.Combine(
        Repository.Root, "Tests", "Unit", "Rig", "Results", "Samples", sample));

    private static string Words<T>(IEnumerable<T> items) => string.Join(' ', items);

    private static IReadOnlyList<ConsoleReport> Read(string sample) => ConsoleReader.Read(Lines(sample));

    private static ConsoleReport ReadOne(string sample) => Read(sample).Single();
}
