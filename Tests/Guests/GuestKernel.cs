using System.Diagnostics;
using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>The guests' kernel as scripts/toolchain.sh has built it, and programs that work on its source.</summary>
internal static class GuestKernel
{
    private static readonly Lazy<string> s_folder = new(static () =>
        Run(Path.Combine(Repository.Root, "scripts", "toolchain.sh"), [.. GuestRun.Options]).Split('\n')
            .Single(line => line.StartsWith("EPFTEST_KERNEL_DIR=", StringComparison.Ordinal)).Split('=')[1]);

    /// <summary>Its folder, in which build/source is its source.</summary>
    public static string Folder => s_folder.Value;

    /// <summary>Runs a program, and expects it to end with 0.</summary>
    /// <returns>What it printed on stdout.</returns>
    public static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, () => $"{program} failed:\n{errors.Result}");
        return output.Result;
    }
}
