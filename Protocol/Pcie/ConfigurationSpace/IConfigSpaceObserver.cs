namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Is told what a host write changed in a <see cref="ConfigSpace"/>, after the whole write has been applied: one call
/// a change, none for a write that changed nothing, none for changes by the device side.
/// </summary>
/// <remarks>
/// A write that initiates an FLR reports the changes between before the write and after the reset, then
/// <see cref="FunctionLevelReset"/>. An observer may use the device side of the space; it may not make host writes.
/// </remarks>
internal interface IConfigSpaceObserver
{
    /// <summary>The Command register changed.</summary>
    /// <param name="previous">Before the write.</param>
    /// <param name="current">After the write.</param>
    void CommandChanged(PciCommand previous, PciCommand current)
    {
    }

    /// <summary>
    /// The host programmed another address into a BAR. Sizing does so too, so an address counts only while the Command
    /// register enables its space.
    /// </summary>
    /// <param name="index">The BAR; for a 64-bit one that of its lower half.</param>
    void BarAddressChanged(int index)
    {
    }

    /// <summary>The function was put into another power state.</summary>
    /// <param name="previous">Before the write.</param>
    /// <param name="current">After the write.</param>
    void PowerStateChanged(PowerState previous, PowerState current)
    {
    }

    /// <summary>MSI enable, Multiple Message Enable, address, data or mask bits changed.</summary>
    void MsiChanged()
    {
    }

    /// <summary>MSI-X Enable or Function Mask changed.</summary>
    void MsixChanged()
    {
    }

    /// <summary>Device Control or Device Control 2 changed.</summary>
    void DeviceControlChanged()
    {
    }

    /// <summary>The host initiated an FLR, and the configuration space has gone through it.</summary>
    void FunctionLevelReset()
    {
    }
}
