using CommandLine;

namespace EpfTest.Rig.Options;

/// <summary>The options of scripts/toolchain.sh, which every verb that runs a guest has.</summary>
internal abstract class ToolchainOptions
{
    [Option("qemu")]
    public string? Qemu { get; set; }

    [Option("kernel")]
    public string? Kernel { get; set; }

    [Option("kernel-src")]
    public string? KernelSource { get; set; }

    [Option("kernel-image")]
    public string? KernelImage { get; set; }

    [Option("kernel-modules")]
    public string? KernelModules { get; set; }

    [Option("kernel-config")]
    public IEnumerable<string> KernelConfigs { get; set; } = [];

    [Option("accel")]
    public string? Accelerator { get; set; }

    /// <exception cref="UsageException">A value is invalid.</exception>
    public virtual void Check()
    {
        if (Kernel is { } series)
        {
            OptionCheck.Matches(OptionCheck.IsSeries(series), "--kernel", series, "not a series such as 7.3");
        }

        if (KernelSource is { } tree)
        {
            OptionCheck.Matches(Directory.Exists(tree), "--kernel-src", tree, "no such directory");
        }

        if (KernelImage is { } image)
        {
            OptionCheck.Matches(File.Exists(image), "--kernel-image", image, "no such file");
        }

        if (KernelModules is { } modules)
        {
            OptionCheck.Matches(Directory.Exists(modules), "--kernel-modules", modules, "no such directory");
        }

        foreach (string fragment in KernelConfigs)
        {
            OptionCheck.Addition("--kernel-config", fragment);
        }

        if (Accelerator is { } accelerator)
        {
            OptionCheck.OneOf("--accel", accelerator, "auto", "kvm", "tcg");
        }
    }

    /// <summary>The arguments of scripts/toolchain.sh.</summary>
    /// <param name="kernel">Another kernel than the options': a series, a source tree or an image; null for
    /// theirs.</param>
    public IReadOnlyList<string> ToolchainArguments(string? kernel = null)
    {
        var words = new List<string>();
        Add("--qemu", Qemu);
        kernel ??= KernelImage ?? KernelSource ?? Kernel;
        if (kernel is not null)
        {
            string option = OptionCheck.IsSeries(kernel) ? "--kernel"
                : File.Exists(kernel) ? "--kernel-image"
                : "--kernel-src";
            Add(option, kernel);
        }

        Add("--kernel-modules", KernelModules);

        foreach (string fragment in KernelConfigs)
        {
            Add("--kernel-config", fragment);
        }

        Add("--accel", Accelerator);
        return words;

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                words.AddRange([name, value]);
            }
        }
    }
}
