using EpfTest.Kit;

namespace EpfTest.Guests;

/// <summary>The kernel's self-tests of VFIO, built from the source of the guests' kernel. They need uuid-dev.</summary>
internal sealed class VfioSelfTest : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public VfioSelfTest() => GuestKernel.Run(
        "make",
        "-C", Path.Combine(GuestKernel.Folder, "build/source/tools/testing/selftests/vfio"),
        $"OUTPUT={_folder.Path}",
        "LDFLAGS=-static",
        $"KHDR_INCLUDES=-isystem {GuestKernel.Folder}/build/usr/include",
        Device,
        Mapping);

    /// <summary>Configuration space, BARs, interrupts and reset of a device.</summary>
    public string Device => _folder.File("vfio_pci_device_test");

    /// <summary>Maps and unmaps memory.</summary>
    public string Mapping => _folder.File("vfio_dma_mapping_test");

    public void Dispose() => _folder.Dispose();
}
