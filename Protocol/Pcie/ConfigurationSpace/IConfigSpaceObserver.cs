namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Learns what a host write changed in a <see cref="ConfigSpace"/>, after the whole write: one call for each change,
/// none for changes by the device side.
/// </summary>
/// <remarks>
/// A write that initiates an FLR reports what differs after the reset from before the write, then
/// <see cref="FunctionLevelReset"/>. An observer may use the device side of the space, but may not write as the host.
/// </remarks>
internal interface IConfigSpaceObserver
{
    void CommandChanged(PciCommand previous, PciCommand current)
    {
    }

    /// <summary>
    /// The host programmed another address into a BAR, perhaps only to size it: an address counts while Command enables
    /// its space.
    /// </summary>
    void BarAddressChanged(int index)
    {
    }

    void PowerStateChanged(PowerState previous, PowerState current)
    {
    }

    /// <summary>MSI Enable, Multiple Message Enable, address, data or mask bits changed.</summary>
    void MsiChanged()
    {
    }

    /// <summary>MSI-X Enable or Function Mask changed.</summary>
    void MsixChanged()
    {
    }

    /// <summary>The host initiated an FLR, and the configuration space has gone through it.</summary>
    void FunctionLevelReset()
    {
    }
}
