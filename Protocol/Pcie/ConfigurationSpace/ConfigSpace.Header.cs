namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

// The type 0 header apart from its BARs (sections 7.5.1.1 and 7.5.1.2).
internal sealed partial class ConfigSpace
{
    private const uint MultiFunctionDevice = 0x80;

    public ConfigSpaceHeader Header { get; }

    public PciCommand Command => (PciCommand)Registers.GetWord(PciRegister.Command);

    public bool IoSpaceEnable => Has(PciCommand.IoSpaceEnable);

    public bool MemorySpaceEnable => Has(PciCommand.MemorySpaceEnable);

    public bool BusMasterEnable => Has(PciCommand.BusMasterEnable);

    public bool SerrEnable => Has(PciCommand.SerrEnable);

    public bool InterruptDisable => Has(PciCommand.InterruptDisable);

    public PciStatus Status => (PciStatus)Registers.GetWord(PciRegister.Status);

    /// <summary>Interrupt Status: INTx is pending, even if the host disabled INTx.</summary>
    public bool InterruptStatus
    {
        get => (Status & PciStatus.InterruptStatus) != 0;
        set => Registers.Set(
            PciRegister.Status, 2, (uint)PciStatus.InterruptStatus, value ? (uint)PciStatus.InterruptStatus : 0);
    }

    /// <summary>Sets bits of <see cref="PciStatus.Errors"/>, which the host clears by writing 1.</summary>
    public void RecordStatus(PciStatus errors) => Registers.Set(PciRegister.Status, 2, (uint)errors, (uint)errors);

    private void DefineHeader()
    {
        const PciCommand Writable = PciCommand.IoSpaceEnable | PciCommand.MemorySpaceEnable
            | PciCommand.BusMasterEnable | PciCommand.ParityErrorResponse | PciCommand.SerrEnable
            | PciCommand.InterruptDisable;
        Registers.Define(PciRegister.VendorId, 2, Header.VendorId);
        Registers.Define(PciRegister.DeviceId, 2, Header.DeviceId);
        Registers.Define(PciRegister.Command, 2, 0, writable: (uint)Writable);
        Registers.Define(
            PciRegister.Status, 2, (uint)PciStatus.CapabilitiesList, writeOneToClear: (uint)PciStatus.Errors);
        Registers.Define(PciRegister.RevisionId, 1, Header.RevisionId);
        Registers.Define(
            PciRegister.ClassCode,
            3,
            ((uint)Header.BaseClass << 16) | ((uint)Header.SubClass << 8) | Header.ProgrammingInterface);
        Registers.Define(PciRegister.CacheLineSize, 1, Header.CacheLineSize, writable: 0xFF);
        Registers.Define(PciRegister.HeaderType, 1, Header.MultiFunction ? MultiFunctionDevice : 0);
        Registers.Define(PciRegister.SubsystemVendorId, 2, Header.SubsystemVendorId);
        Registers.Define(PciRegister.SubsystemId, 2, Header.SubsystemId);
        Registers.Define(PciRegister.InterruptLine, 1, 0, writable: 0xFF);
        Registers.Define(PciRegister.InterruptPin, 1, (uint)Header.InterruptPin);
    }

    private bool Has(PciCommand bit) => (Command & bit) != 0;
}
