using EpfTest.Kit;
using EpfTest.Rig.Options;
using EpfTest.Rig.Results;

namespace EpfTest.Unit.Rig.Results;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ExpectationsTests : IDisposable
{
    private static readonly DateOnly s_today = new(2026, 11, 28);

    private static readonly ConsoleReport s_report =
        new(ReportKind.Warning, "WARNING: a.c:1 at f+0x1/0x2", ["f", "g"], []) { Kernel = "7.3.4" };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void AReportIsExpectedByItsTitle()
    {
        Judgement judgement = Read("report: ^WARNING: .* at f\\b", "reason: it is known", "until: 2026-11-28")
            .Judge(s_report, "ep", "ep");
        Assert.That(judgement, Is.EqualTo(new Judgement(true, "it is known")));
    }

    [Test]
    public void AReportIsExpectedByItsFingerprint()
    {
        string[] entry = ["reason: it is known", "until: 2026-12-31"];
        Assert.That(Read([$"fingerprint: {s_report.Fingerprint}", .. entry]).Judge(s_report, "ep", "ep").IsExpected);
        Assert.That(Read(["fingerprint: 0123456789ab", .. entry]).Judge(s_report, "ep", "ep").IsExpected, Is.False);
    }

    [TestCase("guest: ep", "ep", "ep", true)]
    [TestCase("guest: ep", "ep2", "ep", true, Description = "by its role")]
    [TestCase("guest: ep", "host", "host", false)]
    [TestCase("kernel: 6.12 7.3", "host", "host", true)]
    [TestCase("kernel: 7.3.4", "host", "host", true)]
    [TestCase("kernel: 7", "host", "host", true)]
    [TestCase("kernel: 7.3.40", "host", "host", false)]
    [TestCase("kernel: 6.12", "host", "host", false)]
    public void AnEntryCanBeForAGuestOrForKernels(string key, string guest, string role, bool expected)
    {
        Expectations expectations = Read("report: WARNING", key, "reason: r", "until: 2026-12-31");
        Assert.That(expectations.Judge(s_report, guest, role).IsExpected, Is.EqualTo(expected));
    }

    [Test]
    public void AfterItsEndAnEntryExcusesNothing()
    {
        Expectations expectations = Read("report: WARNING", "reason: it is known", "until: 2026-11-27");
        Judgement judgement = expectations.Judge(s_report, "ep", "ep");
        Assert.That(judgement.IsExpected, Is.False);
        Assert.That(judgement.Remark, Does.EndWith("expected.txt:1 excused this until 2026-11-27: it is known"));
        Assert.That(expectations.Unused.Count(), Is.EqualTo(1));
    }

    [Test]
    public void AnErrorOfQemuIsExpectedByItsLine()
    {
        var error = new QemuError("qemu: vfio_region_read(epc:region0) failed: Bad address", 3);
        Expectations expectations = Read("qemu: Bad address$", "reason: EpcDevice is dead", "until: 2026-12-31");
        Assert.That(expectations.Judge(error, "ep", "ep").IsExpected);
        Assert.That(expectations.Judge(s_report, "ep", "ep").IsExpected, Is.False, "it is for QEMU");
    }

    [Test]
    public void AnEntryThatExcusedNothingIsUnused()
    {
        Expectations expectations = Read(
            "# both are of this year", "report: WARNING", "reason: used", "until: 2026-12-31", "", "",
            "report: BUG", "# not seen", "reason: unused", "until: 2026-12-31");
        expectations.Judge(s_report, "ep", "ep");
        Assert.That(expectations.Unused.Single().Reason, Is.EqualTo("unused"));
        Assert.That(expectations.Unused.Single().Place, Does.EndWith("expected.txt:7"));
    }

    [Test]
    public void AnIndentedLineContinuesTheOneBefore()
    {
        Judgement judgement = Read("report: WARNING", "reason: it is", "  known", "until: 2026-12-31")
            .Judge(s_report, "ep", "ep");
        Assert.That(judgement, Is.EqualTo(new Judgement(true, "it is known")));
    }

    [Test]
    public void AFileThatDoesNotExistExpectsNothing() =>
        Assert.That(Expectations.Read(s_today, _folder.File("none")).Judge(s_report, "ep", "ep").IsExpected, Is.False);

    [TestCase("reprot: x", ":1: 'reprot' is unknown; known are: report, fingerprint, qemu, guest, ")]
    [TestCase("report: x\nreport: y", ":2: 'report' has no value, or stands twice")]
    [TestCase("report:", ":1: 'report' has no value")]
    [TestCase("guest: ep\nreason: r\nuntil: 2026-12-31", ":1: an entry needs one of: report, fingerprint, qemu")]
    [TestCase("report: x\nqemu: y\nreason: r\nuntil: 2026-12-31", ":1: an entry needs one of")]
    [TestCase("\nreport: x\nuntil: 2026-12-31", ":2: an entry needs a reason")]
    [TestCase("report: x\nreason: r", ":1: an entry needs an end")]
    [TestCase("report: x\nreason: r\nuntil: soon", ":1: an entry needs an end")]
    [TestCase("report: (\nreason: r\nuntil: 2026-12-31", ":1: report: invalid pattern")]
    public void AnInvalidFileIsRefusedWithItsLine(string text, string message)
    {
        UsageException? error = Assert.Throws<UsageException>(() => Read(text.Split('\n')));
        Assert.That(error?.Message, Does.StartWith(_folder.File("expected.txt")).And.Contains(message));
    }

    [Test]
    public void TheFileOfThisRepositoryExpectsWhatRunsShow()
    {
        Expectations expectations = Expectations.Read(s_today, Expectations.Files(Repository.Root, "", false));
        foreach (string sample in (string[])["warning-epc-create.log", "warning-6.12.log", "panic-sysrq.log"])
        {
            ConsoleReport report = ConsoleReader.Read(ConsoleReaderTests.Lines(sample)).Single();
            Assert.That(expectations.Judge(report, "ep", "ep").IsExpected, sample);
        }

        ConsoleReport other = ConsoleReader.Read(ConsoleReaderTests.Lines("lockdep-circular.log")).Single();
        Assert.That(expectations.Judge(other, "ep", "ep").IsExpected, Is.False);
    }

    [TestCase("vfio_region_read(vfio-user:/tmp/t/epc:region0+0x8, 4) failed: Bad address", true)]
    [TestCase("vfio_container_dma_unmap(0x5581, 0xfee0, 0x10) = -5 (Input/output error)", true)]
    [TestCase("vfio_container_dma_unmap(0x5581, 0xfee0, 0x10) = -2 (No such file or directory)", false)]
    [TestCase("vfio_container_dma_map(0x5581, 0x1000, 0x1000, 0x7f00) = -17 (File exists)", false)]
    public void OnlyAKilledProcessExcusesABrokenConnection(string message, bool isBroken)
    {
        QemuError error = QemuLogReader.Read([$"qemu-system-x86_64: {message}"]).Single();
        foreach (bool hasKilled in (bool[])[false, true])
        {
            Expectations expectations = Expectations.Read(s_today, Expectations.Files(Repository.Root, "", hasKilled));
            Assert.That(expectations.Judge(error, "ep", "ep").IsExpected, Is.EqualTo(hasKilled && isBroken));
        }
    }

    private Expectations Read(params string[] lines)
    {
        File.WriteAllLines(_folder.File("expected.txt"), lines);
        return Expectations.Read(s_today, _folder.File("expected.txt"));
    }
}
