using EpfTest.Kit;
using EpfTest.Rig.Results;

namespace EpfTest.Unit.Rig.Results;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SelfTestSkipsTests : IDisposable
{
    private const string Subrange = "Subrange map is not supported";
    private const string Msi = "MSI2 is disabled";
    private const string Msix = "MSI-X1025 is disabled";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void TheRegisterSpaceIsSkippedByDesign() =>
        Assert.That(Skips().Explain("BAR is test register space"), Does.Contain("by design"));

    [Test]
    public void AnAbilityThatTheEndpointsKernelLacksExplainsASkip()
    {
        WriteSource("static int pci_epf_test(void);");
        Assert.That(Skips().Explain(Subrange), Is.EqualTo(
            "pci-epf-test of the EP guest's kernel 6.12.48 does not support it"));
    }

    [Test]
    public void AnAbilityThatTheEndpointsKernelHasExplainsNone()
    {
        WriteSource("#define CAP_SUBRANGE_MAPPING BIT(5)");
        Assert.That(Skips().Explain(Subrange), Is.Null);
        Assert.That(Skips(mapBars: true).Explain(Subrange), Does.Contain("--map-bars"));
    }

    [Test]
    public void AKernelWithoutItsSourceExplainsNoSkip() => Assert.That(Skips().Explain(Subrange), Is.Null);

    [Test]
    public void WithoutInterruptRemappingThereIsOneMsiVector()
    {
        File.WriteAllText(_folder.File("config"), "# CONFIG_IRQ_REMAP is not set\n");
        Assert.That(Skips().Explain(Msi), Does.Contain("CONFIG_IRQ_REMAP"));
        File.WriteAllText(_folder.File("config"), "CONFIG_PCI=y\nCONFIG_IRQ_REMAP=y\n");
        Assert.That(Skips().Explain(Msi), Is.Null);
    }

    [Test]
    public void FewProcessorsHaveFewVectors()
    {
        Assert.That(Skips(processors: 2).Explain(Msix), Is.EqualTo(
            "the host guest has 2 processors, with about 200 vectors each"));
        Assert.That(Skips(processors: 11).Explain(Msix), Is.Null);
    }

    [TestCase("")]
    [TestCase("MSI0 is disabled")]
    [TestCase("Doorbell test is not supported, or so")]
    public void AnyOtherReasonIsUnexplained(string reason) => Assert.That(Skips().Explain(reason), Is.Null);

    private void WriteSource(string text)
    {
        string file = _folder.File("build/source/drivers/pci/endpoint/functions/pci-epf-test.c");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        File.WriteAllText(_folder.File("release"), "6.12.48\n");
    }

    private SelfTestSkips Skips(int processors = 12, bool mapBars = false) =>
        new(_folder.Path, _folder.Path, processors, mapBars);
}
