using EpfTest.EpcDevice.Guest;
using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice;

/// <summary>
/// The endpoint controller as the EP guest sees it: a PCI Express endpoint with registers (BAR0), outbound windows
/// (BAR2) and MSI-X (BAR4), see <c>docs/registers.md</c>.
/// </summary>
/// <remarks>Belongs to the thread that serves the EP guest.</remarks>
internal sealed class EpcPciDevice : IVfioUserDevice, IConfigSpaceObserver
{
    private const int PendingBitsOffset = 0x800;
    private const int ConfigSize = 4096;

    // The next power of two above the controller's vectors.
    private const int MsiVectors = 32;

    // "Other memory controller", which Linux' test endpoints use too.
    private const byte ClassMemoryController = 0x05;
    private const byte SubClassOther = 0x80;

    private readonly EpcController _controller;
    private readonly ILogger _logger;
    private readonly ConfigSpace _config;

    /// <summary>A controller out of reset.</summary>
    /// <param name="id">Its PCI vendor and device ID.</param>
    /// <param name="controller">Behind the BARs.</param>
    /// <param name="logger">The logger.</param>
    /// <param name="hasMsix">Whether it has MSI-X; else it has MSI with as many vectors.</param>
    public EpcPciDevice(
        (ushort Vendor, ushort Device) id, EpcController controller, ILogger logger, bool hasMsix = true)
    {
        _controller = controller;
        _logger = logger;
        _config = new ConfigSpace(new ConfigSpaceHeader
        {
            VendorId = id.Vendor,
            DeviceId = id.Device,
            BaseClass = ClassMemoryController,
            SubClass = SubClassOther,
            SubsystemVendorId = id.Vendor,
            SubsystemId = id.Device,
        })
        {
            Observer = this,

            // QEMU keeps a BAR's address across an FLR, and Linux does not write it again.
            PreserveBarAddressesOnFlr = true,
        };
        _config.AddBar(EpcRegister.BarRegs, new BarSpec(BarKind.Memory32, EpcLimits.RegistersSize));
        _config.AddBar(EpcRegister.BarWindow, new BarSpec(BarKind.Memory64, EpcLimits.WindowSize, Prefetchable: true));
        _config.AddBar(EpcRegister.BarMsix, new BarSpec(BarKind.Memory32, EpcLimits.MsixSize));
        _config.AddPowerManagement();
        if (hasMsix)
        {
            _config.AddMsix(new MsixLayout(
                EpInterrupts.Count, EpcRegister.BarMsix, 0, EpcRegister.BarMsix, PendingBitsOffset));
        }
        else
        {
            _config.AddMsi(MsiVectors);
        }

        _config.AddPciExpress();
        _config.AddAdvancedErrorReporting();

        var regions = new DeviceRegion[RegionIndex.Count];
        Array.Fill(regions, DeviceRegion.Absent);
        regions[EpcRegister.BarRegs] = new DeviceRegion(EpcLimits.RegistersSize);
        regions[EpcRegister.BarWindow] = new DeviceRegion(EpcLimits.WindowSize);
        regions[EpcRegister.BarMsix] = new DeviceRegion(EpcLimits.MsixSize);
        regions[RegionIndex.Config] = new DeviceRegion(ConfigSize);
        Regions = regions;
        IrqCounts = hasMsix ? [0, 0, EpInterrupts.Count, 1, 1] : [0, MsiVectors, 0, 1, 1];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceRegion> Regions { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> IrqCounts { get; }

    /// <inheritdoc/>
    public void Attach(IVfioUserClient client) =>
        _controller.AttachGuest(client, _config.Msix is null ? IrqIndex.Msi : IrqIndex.Msix);

    /// <inheritdoc/>
    public void ClientDisconnected() => Reset(ResetKind.Fundamental);

    /// <inheritdoc/>
    public Errno ReadRegion(int region, ulong offset, Span<byte> data)
    {
        switch (region)
        {
            case RegionIndex.Config:
                _config.Read((int)offset, data);
                break;
            case EpcRegister.BarRegs:
                RegisterAccess.Read(_controller, (int)offset, data);
                break;
            case EpcRegister.BarWindow:
                _controller.ReadWindow(offset, data);
                break;
            default:
                // QEMU keeps the MSI-X table, and reads only the pending bits: none is ever pending.
                data.Clear();
                break;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data)
    {
        switch (region)
        {
            case RegionIndex.Config:
                _config.Write((int)offset, data);
                UpdateController();
                break;
            case EpcRegister.BarRegs when !RegisterAccess.Write(_controller, (int)offset, data):
                _logger.LogDebug(
                    "dropped an invalid register write, {Length} bytes at 0x{Offset:x}", data.Length, offset);
                break;
            case EpcRegister.BarWindow:
                _controller.WriteWindow(offset, data);
                break;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public void Reset() => Reset(ResetKind.Hot);

    /// <inheritdoc/>
    public void DmaMapped(DmaRange range) => _controller.MapGuestMemory(range);

    /// <inheritdoc/>
    public void DmaUnmapping(ReadOnlySpan<DmaRange> ranges)
    {
        foreach (DmaRange range in ranges)
        {
            _controller.UnmapGuestMemory(range);
        }
    }

    /// <inheritdoc/>
    void IConfigSpaceObserver.FunctionLevelReset() => _controller.Reset();

    private void Reset(ResetKind kind)
    {
        _controller.Reset();
        _config.Reset(kind);
        UpdateController();
    }

    /// <summary>Passes on what the EP guest has programmed into the configuration space.</summary>
    private void UpdateController()
    {
        _controller.MoveBars(ControllerBars.Of(_config));
        _controller.SetBusMaster(_config is { BusMasterEnable: true, PowerState: PowerState.D0 });
    }
}
