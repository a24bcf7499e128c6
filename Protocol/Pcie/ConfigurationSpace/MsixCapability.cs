namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// MSI-X capability. PCI Express Base Specification 6.0, section 7.7.2; Linux' <c>PCI_MSIX_*</c>. The table and the
/// Pending Bit Array are in BAR memory, so not here.
/// </summary>
internal sealed class MsixCapability : Capability
{
    internal const int Length = 12;

    private const int MessageControl = 2;
    private const uint TableSizeMask = 0x7FF;
    private const uint FunctionMaskBit = 1 << 14;
    private const uint EnableBit = 1 << 15;

    private const int Table = 4;
    private const int PendingBitArray = 8;

    internal MsixCapability(ConfigSpace space, MsixLayout layout)
        : base(space, PciRegister.MsixId, Length)
    {
        Registers.Define(Offset + MessageControl, 2, 0, writable: FunctionMaskBit | EnableBit);
        Layout = layout;
    }

    /// <summary>Vector count, and where table and PBA are.</summary>
    /// <exception cref="ArgumentException">The layout cannot be encoded; the message says why.</exception>
    public MsixLayout Layout
    {
        get;
        set
        {
            value.Check();
            field = value;
            Registers.SetDefault(Offset + MessageControl, 2, TableSizeMask, (uint)value.VectorCount - 1);
            Registers.SetDefault(Offset + Table, 4, ~0U, value.TableOffset | (uint)value.TableBar);
            Registers.SetDefault(Offset + PendingBitArray, 4, ~0U, value.PbaOffset | (uint)value.PbaBar);
        }
    }

    /// <summary>Number of vectors: Table Size, which the register has less 1.</summary>
    public int VectorCount => Layout.VectorCount;

    /// <summary>MSI-X Enable.</summary>
    public bool Enabled => (Registers.GetWord(Offset + MessageControl) & EnableBit) != 0;

    /// <summary>Function Mask: all vectors are masked, whatever the table says.</summary>
    public bool FunctionMask => (Registers.GetWord(Offset + MessageControl) & FunctionMaskBit) != 0;
}
