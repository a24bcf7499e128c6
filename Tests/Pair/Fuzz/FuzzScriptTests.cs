using System.Diagnostics;
using EpfTest.Kit;

namespace EpfTest.Pair.Fuzz;

/// <summary>A bounded run of scripts/fuzz.sh, on every target.</summary>
internal sealed class FuzzScriptTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    [Test]
    public void AFewSecondsOfFuzzingFindNothing()
    {
        var start = new ProcessStartInfo("bash")
        {
            ArgumentList = { Path.Combine(Repository.Root, "scripts", "fuzz.sh"), "--no-build", "--seconds", "6" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process script = Process.Start(start)!;
        Task<string> errors = script.StandardError.ReadToEndAsync();
        Task<string> output = script.StandardOutput.ReadToEndAsync();
        if (!script.WaitForExit(s_limit))
        {
            script.Kill(entireProcessTree: true);
            Assert.Fail($"scripts/fuzz.sh has not ended after {s_limit}: {output.Result}{errors.Result}");
        }

        TestContext.Out.WriteLine(output.Result);
        Assert.That(script.ExitCode, Is.Zero, output.Result + errors.Result);
        Assert.That(
            output.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            Has.Length.EqualTo(EpfTest.Fuzz.FuzzTarget.All.Count).And.All.Contains("0 findings"));
    }
}
