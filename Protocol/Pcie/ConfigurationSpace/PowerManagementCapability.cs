namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// PCI Power Management capability, version 3, with D0 and D3hot and without PME (section 7.5.2; Linux'
/// <c>PCI_PM_*</c>). No_Soft_Reset is set: going from D3hot to D0 keeps the function's state.
/// </summary>
internal sealed class PowerManagementCapability : Capability
{
    private const int Length = 8;

    private const int Capabilities = 2;
    private const uint Version3 = 3;

    private const int ControlStatus = 4;
    private const uint PowerStateMask = 0x3;
    private const uint NoSoftReset = 1 << 3;

    public PowerManagementCapability(ConfigSpace space)
        : base(space, PciRegister.PowerManagementId, Length)
    {
        Registers.Define(Offset + Capabilities, 2, Version3);
        Registers.Define(Offset + ControlStatus, 2, NoSoftReset, writable: PowerStateMask);
    }

    public PowerState PowerState => StateIn(Registers.Bytes);

    public PowerState StateIn(ReadOnlySpan<byte> space) =>
        (PowerState)(space[Offset + ControlStatus] & PowerStateMask);

    /// <summary>Discards a host write of a state that the function does not have (section 7.5.2.2).</summary>
    public void DiscardUnsupportedState(ReadOnlySpan<byte> before)
    {
        if (PowerState is PowerState.D1 or PowerState.D2)
        {
            Registers.Set(Offset + ControlStatus, 2, PowerStateMask, (uint)StateIn(before));
        }
    }
}
