using System.Globalization;
using CommandLine;
using EpfTest.Protocol.Hosting;

namespace EpfTest.EpcDevice;

/// <summary>EpcDevice's command line.</summary>
internal sealed class EpcOptions : LinkedDeviceOptions
{
    [Option(
        "pci-id",
        Default = "1234:e9c0",
        MetaValue = "VVVV:DDDD",
        HelpText = "The controller's PCI vendor and device ID, in hexadecimal.")]
    public string PciId { get; set; } = "";

    /// <summary>The vendor and device ID.</summary>
    /// <exception cref="UsageException">It is not two numbers of at most four hexadecimal digits.</exception>
    public (ushort Vendor, ushort Device) ParsePciId()
    {
        string[] parts = PciId.Split(':');
        return parts.Length == 2 && TryParse(parts[0], out ushort vendor) && TryParse(parts[1], out ushort device)
            ? (vendor, device)
            : throw new UsageException($"--pci-id {PciId}: give vendor and device in hexadecimal, such as 1234:e9c0");
    }

    private static bool TryParse(string text, out ushort id) =>
        ushort.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out id) && id != ushort.MaxValue;
}
