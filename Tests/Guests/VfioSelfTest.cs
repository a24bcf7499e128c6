using System.Diagnostics;
using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>The kernel's self-tests of VFIO, built from the source of the guests' kernel.</summary>
internal sealed class VfioSelfTest : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public VfioSelfTest()
    {
        string toolchain = Output(Path.Combine(Repository.Root, "scripts", "toolchain.sh"), [.. GuestRun.Options]);
        string kernel = toolchain.Split('\n').Single(
            line => line.StartsWith("EPFTEST_KERNEL_DIR=", StringComparison.Ordinal)).Split('=')[1];
        Output(
            "make",
            "-C", Path.Combine(kernel, "build/source/tools/testing/selftests/vfio"),
            $"OUTPUT={_folder.Path}",
            "LDFLAGS=-static",
            $"KHDR_INCLUDES=-isystem {kernel}/build/usr/include",
            Device,
            Mapping);
    }

    /// <summary>Configuration space, BARs, interrupts and reset of a device.</summary>
    public string Device => _folder.File("vfio_pci_device_test");

    /// <summary>Maps and unmaps memory.</summary>
    public string Mapping => _folder.File("vfio_dma_mapping_test");

    public void Dispose() => _folder.Dispose();

    private static string Output(string program, params string[] arguments)
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
        Assert.That(
            process.ExitCode,
            Is.Zero,
            () => $"{program} failed (the self-tests of VFIO need the package uuid-dev):\n{errors.Result}");
        return output.Result;
    }
}
