using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.Unit.Pcie.ConfigurationSpace;

internal sealed class RecordingObserver : IConfigSpaceObserver
{
    public List<string> Calls { get; } = [];

    public void CommandChanged(PciCommand previous, PciCommand current) =>
        Calls.Add($"Command {previous} -> {current}");

    public void BarAddressChanged(int index) => Calls.Add($"Bar {index}");

    public void PowerStateChanged(PowerState previous, PowerState current) =>
        Calls.Add($"Power {previous} -> {current}");

    public void MsiChanged() => Calls.Add("Msi");

    public void MsixChanged() => Calls.Add("Msix");

    public void FunctionLevelReset() => Calls.Add("FLR");
}
