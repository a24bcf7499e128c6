namespace EpfTest.EpcDevice.Registers;

/// <summary>
/// Where the controller's registers are, in bytes from the start of BAR0 or of their block, and what is fixed in them:
/// <c>docs/registers.md</c>. A test compares every constant with <c>driver/pcie-qemu-ep-regs.h</c>, where it has the
/// same name in capitals after EPC_.
/// </summary>
internal static class EpcRegister
{
    public const int BarRegs = 0;
    public const int BarWindow = 2;
    public const int BarMsix = 4;

    public const int Id = 0x0000;
    public const uint IdValue = 0x43465045;
    public const int Version = 0x0004;
    public const uint VersionMajorValue = 1;
    public const uint VersionMinorValue = 0;
    public const int FeaturesLo = 0x0008;
    public const int FeaturesHi = 0x000c;
    public const int Scratch = 0x0030;
}
