using System.Diagnostics;

namespace EpfTest.Tests.EndToEnd;

/// <summary>Linux's own endpoint self-test, between two guests on stock QEMU.</summary>
internal sealed class PairTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    /// <summary>
    /// All cases but the three that move a megabyte by 4-byte accesses of a vCPU: under TCG these take most of the
    /// kernel's own 30 s each, more on a busy machine. scripts/run-pair.sh runs them, too.
    /// </summary>
    [Test]
    public void SelfTestPassesOnTheDirectPath()
    {
        string[] lines = RunPair("--cases", "-V memcpy");
        Assert.That(lines, Does.Contain("19 passed, 0 failed, 1 skipped"));
    }

    /// <summary>
    /// The same cases, with posted writes: where every access is a TLP that has to be awaited, BAR5's megabyte takes most of
    /// the 30 s, too. The order that this gives up matters to none of them.
    /// </summary>
    [Test]
    public void SelfTestPassesOnTheTlpPath()
    {
        string[] lines = RunPair("--cases", "-V memcpy", "--datapath", "tlp", "--posted-writes");
        Assert.That(lines, Does.Contain("19 passed, 0 failed, 1 skipped"));
    }

    private static string[] RunPair(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "scripts", "run-pair.sh"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string word in GuestRun.Options)
        {
            start.ArgumentList.Add(word);
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"run-pair.sh was not done after {s_limit}");
        }

        Assert.That(process.ExitCode, Is.Zero, () => $"run-pair.sh failed:\n{output.Result}\n{errors.Result}");
        return output.Result.Split('\n');
    }
}
