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
    public GuestSystem Prepare(IEnumerable<string> arguments) => SystemOf(Run("toolchain.sh", arguments));

    /// <summary>The same, and builds pcie-qemu-ep for that kernel.</summary>
    public GuestSystem Prepare(IEnumerable<string> arguments, out string driver)
    {
        Dictionary<string, string> values = Run("toolchain.sh", ["--driver", .. arguments]);
        driver = values["EPFTEST_DRIVER"];
        return SystemOf(values);
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

    private Dictionary<string, string> Run(string script, IEnumerable<string> arguments)
    {
        IChildProcess child = starter.Start(
            new ProcessSpec(script, [Repository.File("scripts", script), .. arguments])
            {
                IsRead = true,
                DeathSignal = "TERM",
            });
        wait(Task.WhenAll(child.Ended, child.Output));
        int status = child.Ended.Result;
        if (status != 0)
        {
            throw new RunEndedException(status, "");
        }

        return child.Output.Result.Split('\n')
            .Select(line => line.Split('=', 2))
            .Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0], parts => parts[1]);
    }

    private static GuestSystem SystemOf(Dictionary<string, string> values) => new(
        new QemuInstallation(
            values["EPFTEST_QEMU"], values["EPFTEST_QEMU_VERSION"], values["EPFTEST_QEMU_WINDOW"] == "yes"),
        new KernelBuild(values["EPFTEST_KERNEL_DIR"], values["EPFTEST_KERNEL_RELEASE"]),
        values["EPFTEST_INITRAMFS"],
        values["EPFTEST_ACCEL"]);
}
