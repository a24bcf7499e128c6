using System.Buffers.Binary;

namespace EpfTest.Protocol.Link;

/// <summary>The first frame of each side: magic (4), major (2), minor (2), role (4), capabilities (4).</summary>
/// <param name="Major">Another one is refused.</param>
/// <param name="Minor">A higher one is accepted: it may add what can be ignored.</param>
/// <param name="Role">Which end speaks.</param>
/// <param name="Capabilities">What it offers.</param>
internal readonly record struct LinkHello(ushort Major, ushort Minor, LinkRole Role, LinkCapabilities Capabilities)
{
    /// <summary>The version that is spoken here.</summary>
    public const ushort OurMajor = 1;

    /// <summary>The version that is spoken here.</summary>
    public const ushort OurMinor = 0;

    internal const int Length = 16;

    /// <summary>"EPFL" in memory order.</summary>
    internal const uint Magic = 0x4c465045;

    internal void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], Major);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Minor);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], (uint)Role);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], (uint)Capabilities);
    }

    /// <summary>Reads the other side's hello and says what is wrong with it, if anything.</summary>
    internal static string? Refusal(ReadOnlySpan<byte> source, LinkRole ourRole, out LinkHello hello)
    {
        hello = default;
        if (source.Length < Length || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic)
        {
            return "this is an EpfTest link, and what connected does not speak its protocol";
        }

        hello = new LinkHello(
            BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt16LittleEndian(source[6..]),
            (LinkRole)BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            (LinkCapabilities)BinaryPrimitives.ReadUInt32LittleEndian(source[12..]));
        if (hello.Major != OurMajor)
        {
            return $"link version {hello.Major}.{hello.Minor} is not spoken here, but {OurMajor}.{OurMinor}:"
                + " use EpcDevice and EpfBridge of the same release";
        }

        LinkRole wanted = ourRole == LinkRole.Endpoint ? LinkRole.Bridge : LinkRole.Endpoint;
        return hello.Role == wanted
            ? null
            : $"both ends are a {hello.Role}: connect one EpcDevice and one EpfBridge";
    }
}
