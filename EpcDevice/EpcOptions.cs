using System.Globalization;
using System.Numerics;
using CommandLine;
using EpfTest.Protocol.Hosting;

namespace EpfTest.EpcDevice;

/// <summary>EpcDevice's command line.</summary>
internal sealed class EpcOptions : LinkedDeviceOptions
{
    private const ulong MaxWindowSize = 64UL << 30;

    [Option(
        "pci-id",
        Default = "1234:e9c0",
        MetaValue = "VVVV:DDDD",
        HelpText = "The controller's PCI vendor and device ID, in hexadecimal.")]
    public string PciId { get; set; } = "";

    [Option(
        "window",
        MetaValue = "PATH",
        HelpText = "Serve the mapped outbound window at this Unix socket, "
            + "to QEMU's vhost-user-test-device-pci (11.0 and later).")]
    public string? Window { get; set; }

    [Option(
        "window-size",
        Default = "256M",
        MetaValue = "SIZE",
        HelpText = "The mapped window's size: a power of two from 1M to 64G.")]
    public string WindowSize { get; set; } = "256M";

    /// <summary>Bytes of the mapped window; 0 without one.</summary>
    /// <exception cref="UsageException">The size is invalid.</exception>
    public ulong ParseWindowSize()
    {
        if (Window is null)
        {
            return 0;
        }

        int shift = WindowSize.EndsWith('G') ? 30 : WindowSize.EndsWith('M') ? 20 : 0;
        return shift > 0
            && ulong.TryParse(WindowSize[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            && number is > 0 and <= 65536
            && number << shift is <= MaxWindowSize and var size
            && BitOperations.IsPow2(size)
            ? size
            : throw new UsageException(
                $"invalid --window-size {WindowSize}: use a power of two from 1M to 64G, such as 256M or 1G");
    }

    /// <exception cref="UsageException">The ID is invalid.</exception>
    public (ushort Vendor, ushort Device) ParsePciId()
    {
        string[] parts = PciId.Split(':');
        return parts.Length == 2 && TryParse(parts[0], out ushort vendor) && TryParse(parts[1], out ushort device)
            ? (vendor, device)
            : throw new UsageException(
                $"invalid --pci-id {PciId}: use vendor and device in hexadecimal, such as 1234:e9c0");
    }

    private static bool TryParse(string text, out ushort id) =>
        ushort.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out id)
        && id != ushort.MaxValue;
}
