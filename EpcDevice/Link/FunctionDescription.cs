using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Link;

/// <summary>A function as the bridge announces it to the host.</summary>
/// <param name="Bars">By BAR number; null if it is not set.</param>
/// <param name="BarAddresses">Host bus addresses as programmed, by BAR number.</param>
/// <param name="BarsEnabled">Whether the function claims accesses to them, by BAR number.</param>
/// <param name="BarsAwaited">Whether they lead to private memory of the EP guest, by BAR number.</param>
/// <param name="InterruptPin">0 for none.</param>
/// <param name="MsiVectors">0 without the capability.</param>
/// <param name="MsixVectors">0 without the capability.</param>
internal sealed record FunctionDescription(
    IReadOnlyList<BarSpec?> Bars,
    IReadOnlyList<ulong> BarAddresses,
    IReadOnlyList<bool> BarsEnabled,
    IReadOnlyList<bool> BarsAwaited,
    int InterruptPin,
    int MsiVectors,
    int MsixVectors);
