namespace EpfTest.Rig.Toolchain;

/// <summary>A built kernel.</summary>
/// <param name="Directory">Its folder in the cache; scripts/lib/kernel.sh says what is there.</param>
/// <param name="Release">What uname -r prints in the guest.</param>
internal sealed record KernelBuild(string Directory, string Release)
{
    public string Image => Path.Combine(Directory, "bzImage");

    /// <summary>Its configuration, a file.</summary>
    public string Configuration => Path.Combine(Directory, "config");

    /// <summary>Whether its source has the endpoint self-test.</summary>
    public bool HasSelfTest => File.Exists(Path.Combine(Directory, "pci_endpoint_test"));
}
