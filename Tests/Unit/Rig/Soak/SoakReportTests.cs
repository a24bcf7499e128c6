using EpfTest.Rig.Soak;

namespace EpfTest.Unit.Rig.Soak;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SoakReportTests
{
    private static readonly ProcessSample[] s_flat =
        [.. Enumerable.Range(0, 240).Select(second => new ProcessSample(second, "EpcDevice", 1000, 20, 10, 5000))];

    private readonly SoakProgress _progress = new();

    public SoakReportTests()
    {
        _progress.Take(0, "soak: begin");
        _progress.Take(1, "ok 1 pci_ep_basic.MSI_TEST");
        _progress.Take(240, "soak: faults");
    }

    [Test]
    public void NothingIsLostIfNothingGrowsAndNothingFails()
    {
        SoakReport report = Report(s_flat);
        Assert.That(report.Losses, Is.Empty);
        Assert.That(string.Join('\n', report.Lines), Is.EqualTo("""
            cycles:                  0; link down and up 0 times
            faults overcome:         0 of 0
            cases of the self-test:  1 passed, 0 failed
            bytes checked:           0; wrong: 0
            interrupts:              32 raised; lost: 0
            hangs:                   0
            EpcDevice: private memory grew by 0.0 %
            EpcDevice: descriptors grew by 0.0 %
            EpcDevice: threads grew by 0.0 %
            """));
    }

    [Test]
    public void FivePerCentAreALoss()
    {
        SoakReport report = Report(
            [.. s_flat.Select(sample => sample.Seconds < 180 ? sample : sample with { Descriptors = 21 })]);
        Assert.That(report.Losses, Is.EqualTo(["EpcDevice: descriptors grew by 5.0 %, which is not below 5 %"]));
    }

    [Test]
    public void FaultsAreListedByTheirNames()
    {
        _progress.Take(241, "soak: fault 1: EpcDevice killed");
        _progress.Take(250, "soak: overcome: EpcDevice killed");
        Assert.That(Report(s_flat).Lines, Does.Contain("    EpcDevice killed: 1 times"));
    }

    [Test]
    public void EverythingElseThatWentWrongIsALoss()
    {
        _progress.Take(241, "soak: fault 1: EpcDevice killed");
        _progress.Take(242, "not ok 1 pci_ep_basic.MSI_TEST");
        SoakReport report = new(_progress, s_flat, ["EpcDevice"], "EpcDevice ended with status 134", isHang: false);
        Assert.That(report.Losses, Is.EqualTo([
            "EpcDevice ended with status 134", "1 cases of the self-test failed", "only 0 of 1 faults were overcome",
        ]));
    }

    [Test]
    public void ARunWithoutSamplesOrFaultsIsALoss()
    {
        SoakReport report = new(new SoakProgress(), [], ["EpfBridge"], "", isHang: true);
        Assert.That(report.Losses, Is.EqualTo([
            "it ended before the faults began", "EpfBridge: private memory could not be compared",
            "EpfBridge: descriptors could not be compared", "EpfBridge: threads could not be compared",
        ]));
        Assert.That(report.Lines, Does.Contain("hangs:                   1"));
    }

    [TestCase(4, "epftest.soak=180,60,3", "4 minutes, of which 1 min 0 s with at least 3 rounds of each fault")]
    [TestCase(10, "epftest.soak=240,360,7", "10 minutes, of which 6 min 0 s with at least 7 rounds of each fault")]
    [TestCase(30, "epftest.soak=720,1080,20", "30 minutes, of which 18 min 0 s with at least 20 rounds of each fault")]
    public void AScheduleDividesTheTime(int minutes, string word, string text)
    {
        var schedule = new SoakSchedule(minutes);
        Assert.That((schedule.KernelWord, schedule.ToString()), Is.EqualTo((word, text)));
    }

    private SoakReport Report(ProcessSample[] samples) => new(_progress, samples, ["EpcDevice"], "", isHang: false);
}
