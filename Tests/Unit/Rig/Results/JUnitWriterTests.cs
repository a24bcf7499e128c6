using System.Xml.Linq;
using EpfTest.Kit;
using EpfTest.Rig.Results;

namespace EpfTest.Unit.Rig.Results;

internal sealed class JUnitWriterTests
{
    private static readonly CaseResult s_case =
        new("pci_ep_data_transfer.dma.READ_TEST", CaseStatus.Passed, TimeSpan.FromMilliseconds(1079));

    [Test]
    public void ACaseHasItsFixtureAsItsClass()
    {
        XElement item = Write([s_case]).Descendants("testcase").Single();
        Assert.That(
            string.Join(' ', item.Attributes()),
            Is.EqualTo("classname=\"pci_ep_data_transfer.dma\" name=\"READ_TEST\" time=\"1.079\""));
    }

    [Test]
    public void ASuiteHasItsCounts()
    {
        XElement suite = Write([
            s_case, s_case with { Status = CaseStatus.Failed }, s_case with { Status = CaseStatus.Skipped },
        ]).Element("testsuite")!;
        Assert.That(string.Join(' ', suite.Attributes()), Is.EqualTo(
            "name=\"pci_endpoint\" tests=\"3\" failures=\"1\" skipped=\"1\" errors=\"0\""));
    }

    [Test]
    public void AFailureHasItsNotesAndASkipItsExplanation()
    {
        XElement suites = Write([
            s_case with { Status = CaseStatus.Failed, Notes = ["a < b", "c\u0001d"] },
            s_case with { Status = CaseStatus.Skipped, Reason = "off", Explanation = "by design" },
        ]);
        Assert.That(Message(suites, "failure"), Is.EqualTo("a < b; cd"));
        Assert.That(Message(suites, "skipped"), Is.EqualTo("off: by design"));
    }

    [Test]
    public void ARunThatWasCutShortHasAnError()
    {
        XElement suite = Write([s_case], "timeout: 5 s").Element("testsuite")!;
        Assert.That(suite.Attribute("errors")?.Value, Is.EqualTo("1"));
        Assert.That(suite.Element("system-err")?.Value, Is.EqualTo("timeout: 5 s"));
    }

    private static string? Message(XElement suites, string name) =>
        suites.Descendants(name).Single().Attribute("message")?.Value;

    private static XElement Write(CaseResult[] cases, string? error = null)
    {
        using var folder = new TemporaryFolder();
        JUnitWriter.Write(folder.File("junit.xml"), cases, error);
        return XElement.Load(folder.File("junit.xml"));
    }
}
