using System.Buffers.Binary;

namespace EpfTest.Protocol.Link;

/// <summary>The first frame of each side: magic (4), major (2), minor (2), role (4), capabilities (4).</summary>
/// <param name="Major">Any other than ours is refused.</param>
/// <param name="Minor">A higher one is accepted: what it adds can be ignored.</param>
internal readonly record struct LinkHello(ushort Major, ushort Minor, LinkRole Role, LinkCapabilities Capabilities)
{
    public const ushort OurMajor = 1;
    public const ushort OurMinor = 1;
    public const int Length = 16;

    /// <summary>"EPFL" in memory order.</summary>
    public const uint Magic = 0x4c465045;

    /// <summary>Whether this HELLO was sent with a descriptor: since minor version 1, if it offers anything.</summary>
    public bool SendsDescriptor => Minor >= 1 && Capabilities != LinkCapabilities.None;

    public void Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], Major);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Minor);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], (uint)Role);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], (uint)Capabilities);
    }

    /// <summary>Decodes the other side's HELLO.</summary>
    /// <returns>Why it is refused, or null.</returns>
    public static string? Accept(ReadOnlySpan<byte> source, LinkRole ourRole, out LinkHello hello)
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
            return $"link version {hello.Major}.{hello.Minor} is not supported here, but {OurMajor}.{OurMinor}:"
                + " use EpcDevice and EpfBridge of the same release";
        }

        LinkRole wanted = ourRole == LinkRole.Endpoint ? LinkRole.Bridge : LinkRole.Endpoint;
        return hello.Role == wanted
            ? null
            : $"both ends are a {hello.Role}: connect one EpcDevice and one EpfBridge";
    }
}
