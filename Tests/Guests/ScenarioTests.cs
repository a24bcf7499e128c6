using System.Diagnostics;
using System.Text.Json;
using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>Scenarios other than the self-test, and what their runs leave.</summary>
internal sealed class ScenarioTests
{
    [Test]
    public void TheMailboxPassesAFile()
    {
        using var folder = new TemporaryFolder();
        string[] lines = PairTests.RunPair("--scenario", "mailbox", "--out", folder.Path);
        Assert.That(lines, Does.Contain("EP   | Through a BAR, by way of two virtual machines."));
        using JsonDocument result = Result(folder);
        Assert.That(result.RootElement.GetProperty("outcome").GetString(), Is.EqualTo("passed"));
        Assert.That(result.RootElement.GetProperty("scenario").GetString(), Is.EqualTo("mailbox"));
        Assert.That(result.RootElement.GetProperty("guests").GetArrayLength(), Is.EqualTo(2));
    }

    /// <summary>A new scenario runs as it is. A kernel that complains makes it fail, although its scripts
    /// pass.</summary>
    [Test]
    public void ANewScenarioPassesUntilAKernelComplains()
    {
        using var folder = new TemporaryFolder();
        string scenario = folder.File("mine");
        using (Process epftest = Process.Start(
            Path.Combine(Repository.Root, "Rig", "bin", "Release", "net10.0", "epftest"),
            ["scenario", "new", scenario]))
        {
            epftest.WaitForExit();
            Assert.That(epftest.ExitCode, Is.Zero);
        }

        string[] lines = PairTests.RunPair("--scenario", scenario);
        Assert.That(lines, Does.Contain("EP   | the host has written to BAR 0"));

        File.AppendAllText(Path.Combine(scenario, "host"), "echo 'WARNING: made up' >/dev/kmsg\n");
        PairTests.RunPair(1, out string messages, "--scenario", scenario, "--out", folder.File("out"));
        Assert.That(messages, Does.Contain("WARNING: made up"));
        using JsonDocument result = Result(folder, "out");
        Assert.That(result.RootElement.GetProperty("outcome").GetString(), Is.EqualTo("failed"));
        Assert.That(
            result.RootElement.GetProperty("guests").EnumerateArray().SelectMany(
                guest => guest.GetProperty("reports").EnumerateArray())
                .Single(report => !report.GetProperty("isExpected").GetBoolean()).GetProperty("title").GetString(),
            Is.EqualTo("WARNING: made up"));
    }

    private static JsonDocument Result(TemporaryFolder folder, string name = ".") =>
        JsonDocument.Parse(File.ReadAllText(folder.File($"{name}/result.json")));
}
