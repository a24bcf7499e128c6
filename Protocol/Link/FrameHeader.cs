using System.Buffers.Binary;

namespace EpfTest.Protocol.Link;

/// <summary>The 8 bytes before every frame, little-endian: length (4), kind (2), function (2).</summary>
/// <param name="PayloadLength">Bytes after this header.</param>
/// <param name="Kind">What they are.</param>
/// <param name="Function">The number of the function block that it is about; 0 where it is about none.</param>
internal readonly record struct FrameHeader(uint PayloadLength, FrameKind Kind, ushort Function)
{
    public const int Length = 8;

    /// <summary>Bytes that the payload of a frame has at most: a TLP with its header.</summary>
    public const int MaxPayload = 16 + 4096;

    public static FrameHeader Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(source),
        (FrameKind)BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
        BinaryPrimitives.ReadUInt16LittleEndian(source[6..]));

    /// <summary>How many bytes the incomplete frame in <paramref name="available"/> still needs, as far as is known.</summary>
    public static int Missing(ReadOnlySpan<byte> available) =>
        (available.Length < Length ? Length : Length + (int)Read(available).PayloadLength) - available.Length;

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, PayloadLength);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], (ushort)Kind);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Function);
    }
}
