namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// MSI-X capability (section 7.7.2; Linux' <c>PCI_MSIX_*</c>). The table and the Pending Bit Array are in BAR memory.
/// </summary>
internal sealed class MsixCapability : Capability
{
    public const int Length = 12;

    private const int MessageControl = 2;
    private const uint FunctionMaskBit = 1 << 14;
    private const uint EnableBit = 1 << 15;

    private const int Table = 4;
    private const int PendingBitArray = 8;

    public MsixCapability(ConfigSpace space, MsixLayout layout)
        : base(space, PciRegister.MsixId, Length)
    {
        Layout = layout;

        // Table Size is the number of vectors less 1.
        Registers.Define(
            Offset + MessageControl, 2, (uint)layout.VectorCount - 1, writable: FunctionMaskBit | EnableBit);
        Registers.Define(Offset + Table, 4, layout.TableOffset | (uint)layout.TableBar);
        Registers.Define(Offset + PendingBitArray, 4, layout.PbaOffset | (uint)layout.PbaBar);
    }

    public MsixLayout Layout { get; }

    public int VectorCount => Layout.VectorCount;

    public bool Enabled => (Registers.GetWord(Offset + MessageControl) & EnableBit) != 0;

    /// <summary>Function Mask: all vectors are masked, whatever the table says.</summary>
    public bool FunctionMask => (Registers.GetWord(Offset + MessageControl) & FunctionMaskBit) != 0;
}
