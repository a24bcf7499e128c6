using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Guest;

/// <summary>Where the controller's own BARs are on the EP guest's bus; null while its memory space is disabled.</summary>
/// <param name="Registers">BAR0's first bus address.</param>
/// <param name="Window">BAR2's.</param>
/// <param name="Msix">BAR4's.</param>
internal sealed record OwnBars(ulong? Registers, ulong? Window, ulong? Msix)
{
    /// <summary>No BAR is anywhere.</summary>
    public static readonly OwnBars None = new(null, null, null);

    /// <summary>What the guest programmed into <paramref name="config"/>.</summary>
    public static OwnBars Of(ConfigSpace config) => config.MemorySpaceEnable
        ? new OwnBars(
            config.BarAddress(EpcRegister.BarRegs),
            config.BarAddress(EpcRegister.BarWindow),
            config.BarAddress(EpcRegister.BarMsix))
        : None;

    /// <summary>Whether an access touches the registers or the MSI-X table.</summary>
    public bool TouchesRegisters(ulong address, ulong length) =>
        Overlaps(Registers, EpcLimits.RegistersSize, address, length)
        || Overlaps(Msix, EpcLimits.MsixSize, address, length);

    /// <summary>Whether an access touches the outbound window.</summary>
    public bool TouchesWindow(ulong address, ulong length) =>
        Overlaps(Window, EpcLimits.WindowSize, address, length);

    private static bool Overlaps(ulong? bar, ulong size, ulong address, ulong length) =>
        bar is { } start && (address - start < size || start - address < length);
}
