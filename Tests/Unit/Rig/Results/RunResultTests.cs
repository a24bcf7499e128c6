using System.Text.Json;
using System.Text.Json.Nodes;
using EpfTest.Kit;
using EpfTest.Rig.Results;
using Json.Schema;

namespace EpfTest.Unit.Rig.Results;

/// <summary>result.json against docs/result.schema.json.</summary>
internal sealed class RunResultTests
{
    private static readonly DateOnly s_today = new(2026, 11, 28);

    private static readonly JsonSchema s_schema =
        JsonSchema.FromFile(Path.Combine(Repository.Root, "docs", "result.schema.json"));

    [Test]
    public void AFullResultFollowsTheSchema()
    {
        JsonNode json = Write(Full());
        AssertValid(json);
        Assert.Multiple(() =>
        {
            Assert.That((int)json["schema"]!, Is.EqualTo(1));
            Assert.That((string)json["outcome"]!, Is.EqualTo("timed-out"));
            Assert.That((string)json["guests"]![0]!["reports"]![0]!["kind"]!, Is.EqualTo("warning"));
            Assert.That((bool)json["guests"]![0]!["reports"]![0]!["isExpected"]!);
            Assert.That((int)json["guests"]![0]!["qemuErrors"]![0]!["count"]!, Is.EqualTo(2));
            Assert.That((double)json["cases"]![0]!["seconds"]!, Is.EqualTo(1.235));
            Assert.That((int)json["counts"]!["failed"]!, Is.EqualTo(1));
        });
    }

    [Test]
    public void AnEmptyResultFollowsTheSchema() => AssertValid(Write(new RunResult("mine", RunOutcome.Broken, 125)));

    [Test]
    public void EachKindOutcomeAndStatusIsInTheSchema()
    {
        foreach (ReportKind kind in Enum.GetValues<ReportKind>())
        {
            var report = new ConsoleReport(kind, "title", [], []) { FirstLine = 1 };
            AssertValid(Write(new RunResult("mine", RunOutcome.Failed, 1)
            {
                Guests =
                [
                    new GuestResult("ep", "ep") { Reports = [new JudgedReport(report, new Judgement(false, ""))] },
                ],
            }));
        }

        foreach (RunOutcome outcome in Enum.GetValues<RunOutcome>())
        {
            AssertValid(Write(new RunResult("mine", outcome, 1)));
        }
    }

    [TestCase("planned", "many")]
    [TestCase("outcome", "good")]
    [TestCase("more", "x")]
    public void TheSchemaRefusesOtherFields(string field, string value)
    {
        JsonNode json = Write(Full());
        json[field] = value;
        Assert.That(s_schema.Evaluate(JsonSerializer.SerializeToElement(json)).IsValid, Is.False);
    }

    private static RunResult Full()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder.File("console.log"), ConsoleReaderTests.Lines("warning-epc-create.log"));
        File.WriteAllLines(folder.File("qemu.log"),
        [
            "qemu-system-x86_64: vfio_region_read(epc:region0+0x8, 4) failed: Bad address",
            "qemu-system-x86_64: vfio_region_read(epc:region0+0x9, 4) failed: Bad address",
        ]);
        Expectations expectations = Expectations.Read(s_today, Expectations.Files(Repository.Root, "", false));
        return new RunResult("self-test", RunOutcome.TimedOut, 124)
        {
            Started = new DateTimeOffset(2026, 11, 28, 3, 0, 0, TimeSpan.Zero),
            Seconds = 12.5,
            Reasons = ["timeout: \"MSI_TEST\" made no progress within 60 s"],
            Arguments = ["--datapath", "tlp"],
            Guests =
            [
                new GuestResult("ep", "ep") { Kernel = "7.3.4", Qemu = "11.1.3", Accelerator = "tcg" }
                    .WithLogs(folder.Path, expectations),
                new GuestResult("host", "host") { ExitStatus = 0 }.WithLogs(folder.File("none"), expectations),
            ],
            Planned = 23,
            Cases =
            [
                new CaseResult("a.B", CaseStatus.Failed, TimeSpan.FromMilliseconds(1234.56)) { Notes = ["note"] },
                new CaseResult("a.C", CaseStatus.Skipped, TimeSpan.Zero) { Explanation = "by design" },
            ],
        };
    }

    private static JsonNode Write(RunResult result)
    {
        using var folder = new TemporaryFolder();
        result.Write(folder.File(RunResult.FileName));
        return JsonNode.Parse(File.ReadAllText(folder.File(RunResult.FileName)))!;
    }

    private static void AssertValid(JsonNode json)
    {
        EvaluationResults results = s_schema.Evaluate(
            JsonSerializer.SerializeToElement(json),
            new EvaluationOptions { OutputFormat = OutputFormat.List, RequireFormatValidation = true });
        IEnumerable<string> errors = (results.Details ?? [])
            .Where(detail => detail.Errors != null)
            .SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation}: {error.Value}"));
        Assert.That(results.IsValid, () => string.Join('\n', errors));
    }
}
