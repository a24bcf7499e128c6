using EpfTest.Rig.Processes;

namespace EpfTest.Rig.Toolchain;

/// <summary>
/// Packages, kernels, images and modules, which the scripts in bash prepare. They print for people on stderr, and end
/// when we do: SIGTERM makes them end what they have started.
/// </summary>
/// <param name="starter">Starts the scripts.</param>
/// <param name="wait">Waits for a task, and throws if the run is to end before.</param>
internal sealed class BashToolchain(IProcessStarter starter, Action<Task> wait)
{
    /// <summary>Prepares QEMU and a kernel.</summary>
    /// <param name="arguments">Those of scripts/toolchain.sh.</param>
    /// <exception cref="RunEndedException">It cannot be prepared; the script has said why.</exception>
    public PreparedToolchain Prepare(IEnumerable<string> arguments)
    {
        string[] lines = Run("toolchain.sh", arguments);
        var system = new GuestSystem(
            new QemuInstallation(Value("QEMU"), Value("QEMU_VERSION"), Value("QEMU_WINDOW") == "yes"),
            new KernelBuild(Value("KERNEL_DIR"), Value("KERNEL_RELEASE")),
            Value("INITRAMFS"),
            Value("ACCEL"));
        return new PreparedToolchain(system, [.. Values("DRIVER").Where(driver => driver != ""), .. Values("MODULE")]);

        string Value(string name) => Values(name).Single();

        IEnumerable<string> Values(string name) => lines
            .Where(line => line.StartsWith($"EPFTEST_{name}=", StringComparison.Ordinal))
            .Select(line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..]);
    }

    /// <summary>Writes the image of one guest to <paramref name="path"/>.</summary>
    public void MakeImage(string path, GuestSystem system, ImageSpec spec) =>
        Run("image.sh", [path, system.Kernel.Directory, system.Initramfs, .. spec.Arguments]);

    /// <summary>The release of the kernel for which a module is built.</summary>
    /// <exception cref="RunEndedException">It is not a readable module.</exception>
    public string ReleaseOf(string module)
    {
        IChildProcess modinfo = starter.Start(
            new ProcessSpec("modinfo", ["modinfo", "-F", "vermagic", module]) { IsRead = true, Log = "/dev/null" });
        wait(Task.WhenAll(modinfo.Ended, modinfo.Output));
        string magic = modinfo.Output.Result.Trim();
        return modinfo.Ended.Result == 0 && magic.Length > 0
            ? magic.Split(' ')[0]
            : throw new RunEndedException(RunEndedException.Error, $"--module {module}: not a readable kernel module");
    }

    private string[] Run(string script, IEnumerable<string> arguments)
    {
        IChildProcess child = starter.Start(
            new ProcessSpec(script, [Repository.File("scripts", script), .. arguments])
            {
                IsRead = true,
                DeathSignal = "TERM",
            });
        wait(Task.WhenAll(child.Ended, child.Output));
        int status = child.Ended.Result;
        return status == 0 ? child.Output.Result.Split('\n') : throw new RunEndedException(status, "");
    }
}
