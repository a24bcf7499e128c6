using System.Numerics;

namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>
/// What an endpoint function and its link can do. PCI Express Base Specification 6.0, sections 7.5.3.3 and 7.5.3.6.
/// </summary>
internal sealed record PciExpressSettings
{
    /// <summary>Max_Payload_Size Supported in bytes: 128, 256, 512, 1024, 2048 or 4096.</summary>
    public int MaxPayloadSizeSupported { get; init; } = 4096;

    /// <summary>Function Level Reset Capability.</summary>
    public bool FunctionLevelResetCapable { get; init; } = true;

    /// <summary>Extended Tag Field Supported: the host may allow 8-bit tags.</summary>
    public bool ExtendedTagSupported { get; init; } = true;

    /// <summary>
    /// Max Link Speed. From 8.0 GT/s on the specification also wants extended capabilities about the physical layer,
    /// which a virtual link does not have.
    /// </summary>
    public LinkSpeed MaxLinkSpeed { get; init; } = LinkSpeed.GT5;

    /// <summary>Maximum Link Width in lanes: 1, 2, 4, 8, 12, 16 or 32.</summary>
    public int MaxLinkWidth { get; init; } = 4;

    /// <summary>Checks that the registers can encode this.</summary>
    /// <exception cref="ArgumentException">They cannot; the message says why.</exception>
    public void Check()
    {
        if (MaxPayloadSizeSupported is < 128 or > 4096 || !BitOperations.IsPow2(MaxPayloadSizeSupported))
        {
            throw new ArgumentException(
                $"Max_Payload_Size is 128, 256, 512, 1024, 2048 or 4096 bytes, not {MaxPayloadSizeSupported}");
        }
        CheckLink(MaxLinkSpeed, MaxLinkWidth);
    }

    internal static void CheckLink(LinkSpeed speed, int width)
    {
        if (speed is < LinkSpeed.GT2_5 or > LinkSpeed.GT64)
        {
            throw new ArgumentException($"{speed} is not a link speed");
        }
        if (width is not (1 or 2 or 4 or 8 or 12 or 16 or 32))
        {
            throw new ArgumentException($"a link has 1, 2, 4, 8, 12, 16 or 32 lanes, not {width}");
        }
    }
}
