using System.Buffers.Binary;
using EpfTest.Protocol.Memory;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>
/// <see cref="FrameKind.MemoryAdd"/>, with access in the first place and the file as descriptor if there is one, and
/// <see cref="FrameKind.MemoryInvalidate"/>, with the request's token there: access or token (4), reserved (4),
/// address (8), size (8), offset in the file (8).
/// </summary>
/// <param name="Access">What the endpoint may do.</param>
/// <param name="Address">Host bus address.</param>
/// <param name="Size">Bytes.</param>
/// <param name="FileOffset">Bytes from the start of the file.</param>
internal readonly record struct MemoryMessage(DmaAccess Access, ulong Address, ulong Size, ulong FileOffset)
{
    public const int Length = 32;

    public void Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, (int)Access);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], Size);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], FileOffset);
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out MemoryMessage message)
    {
        message = source.Length == Length
            ? new MemoryMessage(
                (DmaAccess)BinaryPrimitives.ReadInt32LittleEndian(source),
                BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
                BinaryPrimitives.ReadUInt64LittleEndian(source[24..]))
            : default;
        return source.Length == Length;
    }
}
