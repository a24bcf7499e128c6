namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// PCI Power Management capability, version 3. PCI Express Base Specification 6.0, section 7.5.2; Linux'
/// <c>PCI_PM_*</c>.
/// </summary>
/// <remarks>
/// No_Soft_Reset is set: going from D3hot to D0 keeps the function's state. A function without PME from D3cold has
/// a PME_En that every reset clears, whereas PME_Status is sticky.
/// </remarks>
internal sealed class PowerManagementCapability : Capability
{
    private const int Length = 8;

    // Power Management Capabilities (PMC)
    private const int Pmc = 2;
    private const uint Version3 = 3;
    private const uint D1Support = 1 << 9;
    private const uint D2Support = 1 << 10;
    private const int PmeSupportShift = 11;

    // Power Management Control/Status (PMCSR)
    private const int Pmcsr = 4;
    private const uint PowerStateMask = 0x3;
    private const uint NoSoftReset = 1 << 3;
    private const uint PmeEn = 1 << 8;
    private const uint PmeStatusBit = 1 << 15;

    private readonly bool _d1Support;
    private readonly bool _d2Support;

    internal PowerManagementCapability(ConfigSpace space, PmeSupport pmeSupport, bool d1Support, bool d2Support)
        : base(space, PciRegister.PowerManagementId, Length)
    {
        _d1Support = d1Support;
        _d2Support = d2Support;
        bool pme = pmeSupport != PmeSupport.None;
        Registers.Define(
            Offset + Pmc,
            2,
            Version3 | (d1Support ? D1Support : 0) | (d2Support ? D2Support : 0)
                | ((uint)pmeSupport << PmeSupportShift));
        Registers.Define(
            Offset + Pmcsr,
            2,
            NoSoftReset,
            writable: PowerStateMask | (pme ? PmeEn : 0),
            writeOneToClear: pme ? PmeStatusBit : 0,
            sticky: pme ? PmeStatusBit : 0);
    }

    /// <summary>The power state that the host put the function into.</summary>
    public PowerState PowerState => StateIn(Registers.Bytes);

    /// <summary>PME_En: the function may send PME.</summary>
    public bool PmeEnabled => (Registers.GetWord(Offset + Pmcsr) & PmeEn) != 0;

    /// <summary>PME_Status: the function has a PME that the host has not cleared.</summary>
    public bool PmeStatus => (Registers.GetWord(Offset + Pmcsr) & PmeStatusBit) != 0;

    /// <summary>Sets PME_Status, whether or not PME is enabled.</summary>
    public void RecordPme() => Registers.Set(Offset + Pmcsr, 2, PmeStatusBit, PmeStatusBit);

    internal PowerState StateIn(ReadOnlySpan<byte> space) => (PowerState)(space[Offset + Pmcsr] & PowerStateMask);

    /// <summary>A write of a state that the function does not have leaves it where it was (section 7.5.2.2).</summary>
    internal void DiscardUnsupportedState(ReadOnlySpan<byte> before)
    {
        if ((PowerState == PowerState.D1 && !_d1Support) || (PowerState == PowerState.D2 && !_d2Support))
        {
            Registers.Set(Offset + Pmcsr, 2, PowerStateMask, (uint)StateIn(before));
        }
    }
}
