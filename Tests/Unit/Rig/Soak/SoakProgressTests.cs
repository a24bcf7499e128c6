using EpfTest.Rig.Soak;

namespace EpfTest.Unit.Rig.Soak;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SoakProgressTests
{
    private readonly SoakProgress _progress = new();
    private int _second;

    [Test]
    public void CyclesAndFaultsAreCounted()
    {
        Take(
            "soak: begin", "soak: cycle 1", "soak: link down and up", "soak: cycle 2", "soak: link down and up",
            "soak: faults", "soak: fault 1: EpcDevice killed", "soak: overcome: EpcDevice killed",
            "soak: fault 1: EP guest panics", "soak: overcome: EP guest panics", "soak: fault 2: EpcDevice killed",
            "soak: overcome: EpcDevice killed", "soak: fault 2: EP guest panics");
        Assert.Multiple(() =>
        {
            Assert.That((_progress.Began, _progress.FaultsBegan), Is.EqualTo((1, 5)));
            Assert.That((_progress.Cycles, _progress.LinkDowns), Is.EqualTo((2, 2)));
            Assert.That((_progress.FaultsCaused, _progress.FaultsOvercome), Is.EqualTo((4, 3)));
            Assert.That(
                string.Join(", ", _progress.Overcome), Is.EqualTo("[EpcDevice killed, 2], [EP guest panics, 1]"));
            Assert.That(_progress.Step, Is.EqualTo("fault 2: EP guest panics"));
        });
    }

    [Test]
    public void PassedCasesHaveMovedTheirBytes()
    {
        Take(
            "ok 1 pci_ep_data_transfer.dma.READ_TEST", "ok 2 pci_ep_bar.BAR3.BAR_TEST", "ok 3 pci_ep_basic.MSI_TEST",
            "ok 4 pci_ep_basic.LEGACY_IRQ_TEST");
        Assert.That((_progress.CasesPassed, _progress.CasesFailed), Is.EqualTo((4, 0)));
        Assert.That((_progress.BytesChecked, _progress.BytesWrong), Is.EqualTo((2050051 + 131072, 0)));
        Assert.That((_progress.Interrupts, _progress.InterruptsLost), Is.EqualTo((5 + 32 + 1, 0)));
        Assert.That(_progress.Step, Is.EqualTo("what follows 'pci_ep_basic.LEGACY_IRQ_TEST'"));
    }

    [Test]
    public void AFailedCaseIsLostWholeAndSaid()
    {
        string[] said = Take(
            "soak: cycle 7", "not ok 1 pci_ep_data_transfer.dma.COPY_TEST", "not ok 2 pci_ep_basic.MSI_TEST");
        Assert.That(said, Is.EqualTo(
            ["failed in cycle 7: pci_ep_data_transfer.dma.COPY_TEST", "failed in cycle 7: pci_ep_basic.MSI_TEST"]));
        Assert.That((_progress.BytesWrong, _progress.Interrupts), Is.EqualTo((2050051, 37)));
        Assert.That(_progress.InterruptsLost, Is.EqualTo(32), "those of a case that moves data are its bytes");
    }

    [Test]
    public void ASkippedCaseIsSaidAndNotCounted()
    {
        string[] said = Take("ok 1 pci_ep_bar.BAR5.BAR_TEST # SKIP BAR is test register space");
        Assert.That(said, Is.EqualTo(["skipped: pci_ep_bar.BAR5.BAR_TEST: BAR is test register space"]));
        Assert.That(_progress.CasesPassed + _progress.CasesFailed, Is.Zero);
    }

    [Test]
    public void AScriptCanGiveUp()
    {
        Take("soak: failed: timeout: no endpoint controller: none");
        Assert.That(_progress.Failure, Is.EqualTo("timeout: no endpoint controller: none"));
    }

    private string[] Take(params string[] lines) =>
        [.. lines.Select(line => _progress.Take(++_second, line)).OfType<string>()];
}
