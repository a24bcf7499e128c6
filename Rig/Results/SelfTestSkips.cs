using System.Text.RegularExpressions;

namespace EpfTest.Rig.Results;

/// <summary>
/// Explains why the endpoint self-test skips a case, by what the two kernels can do and how the guests are set up. A
/// skip without an explanation is a failure.
/// </summary>
/// <param name="epKernel">The directory of the EP guest's kernel: release, config, build/source.</param>
/// <param name="hostKernel">The host guest's.</param>
/// <param name="hostProcessors">Number of the host guest's processors.</param>
/// <param name="mapBars">True if the host's QEMU maps BARs.</param>
internal sealed partial class SelfTestSkips(string epKernel, string hostKernel, int hostProcessors, bool mapBars)
{
    // Interrupt vectors that x86 leaves for devices, of a processor's 256.
    private const int VectorsPerProcessor = 200;
    private const int MsixVectors = 2048;
    private const string Function = "build/source/drivers/pci/endpoint/functions/pci-epf-test.c";

    /// <summary>The explanation for the self-test's <paramref name="reason"/>, or null.</summary>
    public string? Explain(string reason) => reason switch
    {
        "BAR is test register space" => "the self-test skips this BAR by design",
        "Subrange map is not supported" => Unmappable() ?? LacksAbility("CAP_SUBRANGE_MAPPING"),
        "Doorbell test is not supported" => Unmappable() ?? LacksAbility("CAP_DYNAMIC_INBOUND_MAPPING"),
        _ when MsiSkip().IsMatch(reason) => HasInterruptRemapping() ? null
            : "the host guest's kernel has no interrupt remapping (CONFIG_IRQ_REMAP), so it has one MSI vector",
        _ when MsixSkip().IsMatch(reason) => hostProcessors * VectorsPerProcessor >= MsixVectors ? null
            : $"the host guest has {hostProcessors} processors, with about {VectorsPerProcessor} vectors each",
        _ => null,
    };

    private string? Unmappable() =>
        mapBars ? "BARs that the host's QEMU has mapped cannot be remapped (--map-bars)" : null;

    // A kernel without its source explains nothing.
    private string? LacksAbility(string word)
    {
        string source = Path.Combine(epKernel, Function);
        if (!File.Exists(source) || Regex.IsMatch(File.ReadAllText(source), $@"\b{word}\b"))
        {
            return null;
        }

        string release = File.ReadAllText(Path.Combine(epKernel, "release")).Trim();
        return $"pci-epf-test of the EP guest's kernel {release} does not support it";
    }

    private bool HasInterruptRemapping() =>
        File.ReadLines(Path.Combine(hostKernel, "config")).Contains("CONFIG_IRQ_REMAP=y");

    [GeneratedRegex("^MSI[1-9][0-9]* is disabled$")]
    private static partial Regex MsiSkip();

    [GeneratedRegex("^MSI-X[1-9][0-9]* is disabled$")]
    private static partial Regex MsixSkip();
}
