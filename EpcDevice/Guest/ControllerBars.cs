using EpfTest.EpcDevice.Registers;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Guest;

/// <summary>EP-local addresses of the controller's own BARs; null while its memory space is disabled.</summary>
internal sealed record ControllerBars(ulong? Registers, ulong? Window, ulong? Msix)
{
    public static readonly ControllerBars None = new(null, null, null);

    /// <summary>The addresses that the guest has programmed into <paramref name="config"/>.</summary>
    public static ControllerBars Of(ConfigSpace config) => config.MemorySpaceEnable
        ? new ControllerBars(
            config.BarAddress(EpcRegister.BarRegs),
            config.BarAddress(EpcRegister.BarWindow),
            config.BarAddress(EpcRegister.BarMsix))
        : None;

    /// <summary>Whether an access touches the registers or the MSI-X table.</summary>
    public bool TouchesRegisters(ulong address, ulong length) =>
        Overlaps(Registers, EpcLimits.RegistersSize, address, length)
        || Overlaps(Msix, EpcLimits.MsixSize, address, length);

    public bool TouchesWindow(ulong address, ulong length) =>
        Overlaps(Window, EpcLimits.WindowSize, address, length);

    private static bool Overlaps(ulong? bar, ulong size, ulong address, ulong length) =>
        bar is { } start && (address - start < size || start - address < length);
}
