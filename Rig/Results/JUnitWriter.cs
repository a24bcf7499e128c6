using System.Globalization;
using System.Xml;

namespace EpfTest.Rig.Results;

/// <summary>Writes cases as JUnit XML.</summary>
internal static class JUnitWriter
{
    /// <param name="error">Why the run was cut short, or null.</param>
    public static void Write(string path, IReadOnlyCollection<CaseResult> cases, string? error = null)
    {
        using var writer = XmlWriter.Create(path, new XmlWriterSettings { Indent = true });
        CaseCounts counts = CaseCounts.Of(cases);
        writer.WriteStartElement("testsuites");
        writer.WriteStartElement("testsuite");
        writer.WriteAttributeString("name", "pci_endpoint");
        writer.WriteAttributeString("tests", Number(counts.Total));
        writer.WriteAttributeString("failures", Number(counts.Failed));
        writer.WriteAttributeString("skipped", Number(counts.Skipped));
        writer.WriteAttributeString("errors", error == null ? "0" : "1");
        foreach (CaseResult item in cases)
        {
            Write(writer, item);
        }

        if (error != null)
        {
            writer.WriteElementString("system-err", XmlText(error));
        }

        writer.WriteEndElement();
        writer.WriteEndElement();
    }

    private static void Write(XmlWriter writer, CaseResult item)
    {
        int dot = item.Name.LastIndexOf('.');
        writer.WriteStartElement("testcase");
        writer.WriteAttributeString("classname", XmlText(dot < 0 ? item.Name : item.Name[..dot]));
        writer.WriteAttributeString("name", XmlText(item.Name[(dot + 1)..]));
        writer.WriteAttributeString("time", item.Duration.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture));
        if (item.Status != CaseStatus.Passed)
        {
            bool failed = item.Status == CaseStatus.Failed;
            writer.WriteStartElement(failed ? "failure" : "skipped");
            string why = item.Explanation == null ? item.Reason : $"{item.Reason}: {item.Explanation}";
            writer.WriteAttributeString("message", XmlText(failed ? string.Join("; ", item.Notes) : why));
            writer.WriteEndElement();
        }

        writer.WriteEndElement();
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    // XML allows no control characters.
    private static string XmlText(string text) => string.Concat(text.Where(XmlConvert.IsXmlChar));
}
