using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.ConfigurationSpace;
using EpfTest.Protocol.Linux;
using EpfTest.Protocol.VfioUser;
using Microsoft.Extensions.Logging;

namespace EpfTest.EpcDevice;

/// <summary>
/// The endpoint controller as the EP guest sees it: a PCI Express endpoint with registers (BAR0), outbound windows
/// (BAR2) and MSI-X (BAR4), laid out as <c>docs/registers.md</c> has it.
/// </summary>
/// <remarks>Belongs to the thread that serves the EP guest's QEMU.</remarks>
internal sealed class EpcPciDevice : IVfioUserDevice, IConfigSpaceObserver
{
    /// <summary>BAR0, in bytes.</summary>
    public const int RegistersSize = 2 << 20;

    /// <summary>BAR2, in bytes.</summary>
    public const ulong WindowSize = 1UL << 30;

    /// <summary>BAR4, in bytes.</summary>
    public const int MsixSize = 4 << 10;

    private const int PendingBitsOffset = 0x800;
    private const int ConfigSize = 4096;

    // One vector for events, one for each of 16 DMA channels, one for doorbells.
    private const int Vectors = 18;

    // "Other memory controller": what Linux's own test endpoints without a class of their own use too.
    private const byte ClassMemoryController = 0x05;
    private const byte SubClassOther = 0x80;

    private readonly ILogger _logger;
    private readonly ConfigSpace _config;
    private readonly GlobalRegisters _registers = new();

    public EpcPciDevice((ushort Vendor, ushort Device) id, ILogger logger)
    {
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
        _config.SetBar(EpcRegister.BarRegs, new BarSpec(BarKind.Memory32, RegistersSize));
        _config.SetBar(EpcRegister.BarWindow, new BarSpec(BarKind.Memory64, WindowSize, Prefetchable: true));
        _config.SetBar(EpcRegister.BarMsix, new BarSpec(BarKind.Memory32, MsixSize));
        _config.AddPowerManagement();
        _config.AddMsix(new MsixLayout(Vectors, EpcRegister.BarMsix, 0, EpcRegister.BarMsix, PendingBitsOffset));
        _config.AddPciExpress();
        _config.AddAdvancedErrorReporting();

        var regions = new DeviceRegion[RegionIndex.Count];
        Array.Fill(regions, DeviceRegion.Absent);
        regions[EpcRegister.BarRegs] = new DeviceRegion(RegistersSize);
        regions[EpcRegister.BarWindow] = new DeviceRegion(WindowSize);
        regions[EpcRegister.BarMsix] = new DeviceRegion(MsixSize);
        regions[RegionIndex.Config] = new DeviceRegion(ConfigSize);
        Regions = regions;
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceRegion> Regions { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> IrqCounts { get; } = [0, 0, Vectors, 1, 1];

    /// <inheritdoc/>
    public void Attach(IVfioUserClient client)
    {
    }

    /// <inheritdoc/>
    public Errno ReadRegion(int region, ulong offset, Span<byte> data)
    {
        switch (region)
        {
            case RegionIndex.Config:
                _config.Read((int)offset, data);
                break;
            case EpcRegister.BarRegs:
                RegisterAccess.Read(_registers, (int)offset, data);
                break;
            case EpcRegister.BarWindow:
                // Unsupported Request: no translation is set up.
                data.Fill(byte.MaxValue);
                break;
            default:
                // QEMU keeps the MSI-X table and asks only for pending bits; of these there are none.
                data.Clear();
                break;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno WriteRegion(int region, ulong offset, ReadOnlySpan<byte> data)
    {
        if (region == RegionIndex.Config)
        {
            _config.Write((int)offset, data);
        }
        else if (region == EpcRegister.BarRegs && !RegisterAccess.Write(_registers, (int)offset, data))
        {
            _logger.LogDebug("{Length}-byte register write at 0x{Offset:x} dropped", data.Length, offset);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _config.Reset(ResetKind.Hot);
        _registers.Reset();
    }

    /// <inheritdoc/>
    void IConfigSpaceObserver.FunctionLevelReset() => _registers.Reset();
}
