using System.Diagnostics;
using System.Text.Json;
using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>Boots a guest on stock QEMU with scripts/run-guest.sh and runs a shell script in it.</summary>
internal sealed class GuestRun
{
    // From nothing the script builds a kernel first.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(25);

    private readonly List<string> _arguments = [.. Options];

    /// <summary>The options of scripts/test.sh for QEMU and the kernel, one word an entry.</summary>
    public static IReadOnlyList<string> Options { get; } =
        (Environment.GetEnvironmentVariable("EPFTEST_GUEST_OPTIONS") ?? "").Split(
            '\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>What the script printed in the guest.</summary>
    public string Output { get; private set; } = "";

    /// <summary>Plugs what is served at <paramref name="socket"/> into a root port.</summary>
    public GuestRun WithVfioUserDevice(string socket)
    {
        string device = JsonSerializer.Serialize(new
        {
            driver = "vfio-user-pci",
            socket = new { type = "unix", path = socket },
        });
        return With("--device", device);
    }

    public GuestRun With(params string[] arguments)
    {
        _arguments.AddRange(arguments);
        return this;
    }

    /// <summary>Runs <paramref name="script"/> (POSIX sh, as root) and expects it to end with 0.</summary>
    public GuestRun Run(string script)
    {
        string file = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"guest-{Guid.NewGuid():N}.sh");
        File.WriteAllText(file, "#!/bin/sh\nset -eu\n" + script);
        try
        {
            var start = new ProcessStartInfo(Path.Combine(Repository.Root, "scripts", "run-guest.sh"))
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            foreach (string argument in _arguments.Append("--script").Append(file))
            {
                start.ArgumentList.Add(argument);
            }

            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(s_limit))
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail($"the guest was not done after {s_limit}");
            }

            Output = output.Result;
            Assert.That(process.ExitCode, Is.Zero, () => $"run-guest.sh failed:\n{Output}\n{errors.Result}");
        }
        finally
        {
            File.Delete(file);
        }

        return this;
    }

    /// <summary>The value in the one line "<paramref name="name"/> value" of the output.</summary>
    public string Value(string name)
    {
        string[] values = [.. Output.Split('\n')
            .Where(line => line.StartsWith(name + ' ', StringComparison.Ordinal))
            .Select(line => line[(name.Length + 1)..].Trim())];
        Assert.That(values, Has.Length.EqualTo(1), () => $"lines that start with '{name} ' in:\n{Output}");
        return values[0];
    }
}
