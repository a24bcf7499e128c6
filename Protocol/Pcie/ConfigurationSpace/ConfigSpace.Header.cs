namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

// The type 0 header but for its BARs.
internal sealed partial class ConfigSpace
{
    private const uint MultiFunctionDevice = 0x80;

    /// <summary>IDs, class code and interrupt pin; <c>write_header</c> of an EP driver replaces it.</summary>
    /// <exception cref="ArgumentException">The interrupt pin is none of the five.</exception>
    public ConfigSpaceHeader Header
    {
        get;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.InterruptPin > InterruptPin.IntD)
            {
                throw new ArgumentException($"{value.InterruptPin} is not an interrupt pin");
            }
            field = value;
            Registers.SetDefault(PciRegister.VendorId, 2, 0xFFFF, value.VendorId);
            Registers.SetDefault(PciRegister.DeviceId, 2, 0xFFFF, value.DeviceId);
            Registers.SetDefault(PciRegister.RevisionId, 1, 0xFF, value.RevisionId);
            Registers.SetDefault(
                PciRegister.ClassCode,
                3,
                0xFF_FFFF,
                ((uint)value.BaseClass << 16) | ((uint)value.SubClass << 8) | value.ProgrammingInterface);
            Registers.SetDefault(PciRegister.CacheLineSize, 1, 0xFF, value.CacheLineSize);
            Registers.SetDefault(PciRegister.HeaderType, 1, 0xFF, value.MultiFunction ? MultiFunctionDevice : 0);
            Registers.SetDefault(PciRegister.SubsystemVendorId, 2, 0xFFFF, value.SubsystemVendorId);
            Registers.SetDefault(PciRegister.SubsystemId, 2, 0xFFFF, value.SubsystemId);
            Registers.SetDefault(PciRegister.InterruptPin, 1, 0xFF, (uint)value.InterruptPin);
        }
    }

    /// <summary>The Command register.</summary>
    public PciCommand Command => (PciCommand)Registers.GetWord(PciRegister.Command);

    /// <summary>The function answers I/O requests.</summary>
    public bool IoSpaceEnable => Has(PciCommand.IoSpaceEnable);

    /// <summary>The function answers memory requests.</summary>
    public bool MemorySpaceEnable => Has(PciCommand.MemorySpaceEnable);

    /// <summary>The function may issue requests (BME).</summary>
    public bool BusMasterEnable => Has(PciCommand.BusMasterEnable);

    /// <summary>Non-fatal and fatal errors are reported, whatever Device Control says.</summary>
    public bool SerrEnable => Has(PciCommand.SerrEnable);

    /// <summary>The function may not assert INTx.</summary>
    public bool InterruptDisable => Has(PciCommand.InterruptDisable);

    /// <summary>The Status register.</summary>
    public PciStatus Status => (PciStatus)Registers.GetWord(PciRegister.Status);

    /// <summary>Status register's Interrupt Status: INTx is pending, whether or not the host disabled INTx.</summary>
    public bool InterruptStatus
    {
        get => (Status & PciStatus.InterruptStatus) != 0;
        set => Registers.Set(
            PciRegister.Status, 2, (uint)PciStatus.InterruptStatus, value ? (uint)PciStatus.InterruptStatus : 0);
    }

    /// <summary>Sets error bits of the Status register; the host clears them by writing 1.</summary>
    /// <param name="errors">Bits of <see cref="PciStatus.Errors"/>.</param>
    /// <exception cref="ArgumentException">Other bits are set.</exception>
    public void RecordStatus(PciStatus errors)
    {
        if ((errors & ~PciStatus.Errors) != 0)
        {
            throw new ArgumentException($"{errors & ~PciStatus.Errors} is no error bit of the Status register");
        }
        Registers.Set(PciRegister.Status, 2, (uint)errors, (uint)errors);
    }

    private bool Has(PciCommand bit) => (Command & bit) != 0;
}
