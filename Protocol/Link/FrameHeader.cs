using System.Buffers.Binary;
using EpfTest.Protocol.Pcie;

namespace EpfTest.Protocol.Link;

/// <summary>The 8 bytes before every frame, little-endian: length (4), kind (2), function (2).</summary>
/// <param name="PayloadLength">Bytes after this header.</param>
/// <param name="Kind">Kind of the payload.</param>
/// <param name="Function">Number of the function block that the frame is about, else 0.</param>
internal readonly record struct FrameHeader(uint PayloadLength, FrameKind Kind, FunctionId Function)
{
    public const int Length = 8;

    /// <summary>Bytes of the longest payload: a TLP with its header.</summary>
    public const int MaxPayload = 16 + 4096;

    public static FrameHeader Decode(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(source),
        (FrameKind)BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
        FunctionId.FromNumber(BinaryPrimitives.ReadUInt16LittleEndian(source[6..])));

    /// <summary>Bytes that the incomplete frame in <paramref name="available"/> still needs, as far as known.</summary>
    public static int Missing(ReadOnlySpan<byte> available) =>
        (available.Length < Length ? Length : Length + (int)Decode(available).PayloadLength) - available.Length;

    public void Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, PayloadLength);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], (ushort)Kind);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Function.Number);
    }
}
