namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// Device Serial Number extended capability. PCI Express Base Specification 6.0, section 7.9.3; Linux'
/// <c>PCI_EXT_CAP_ID_DSN</c>.
/// </summary>
internal sealed class DeviceSerialNumberCapability : ExtendedCapability
{
    private const int Version = 1;
    private const int Length = 12;
    private const int LowerDword = 4;
    private const int UpperDword = 8;

    internal DeviceSerialNumberCapability(ConfigSpace space, ulong serialNumber)
        : base(space, PciRegister.DeviceSerialNumberId, Version, Length) => SerialNumber = serialNumber;

    /// <summary>The number: an EUI-64, its company ID in the highest bits.</summary>
    public ulong SerialNumber
    {
        get => ((ulong)Registers.GetDword(Offset + UpperDword) << 32) | Registers.GetDword(Offset + LowerDword);
        set
        {
            Registers.SetDefault(Offset + LowerDword, 4, ~0U, (uint)value);
            Registers.SetDefault(Offset + UpperDword, 4, ~0U, (uint)(value >> 32));
        }
    }
}
