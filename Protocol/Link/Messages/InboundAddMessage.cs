using System.Buffers.Binary;
using EpfTest.Protocol.Memory;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>
/// <see cref="FrameKind.InboundAdd"/>, with a file as descriptor: BAR (4), access (4), offset in the BAR (8), size (8),
/// offset in the file (8).
/// </summary>
/// <param name="Bar">0 to 5.</param>
/// <param name="Access">What the host may do.</param>
/// <param name="Offset">Bytes from the start of the BAR.</param>
/// <param name="Size">Bytes.</param>
/// <param name="FileOffset">Bytes from the start of the file.</param>
internal readonly record struct InboundAddMessage(int Bar, DmaAccess Access, ulong Offset, ulong Size, ulong FileOffset)
{
    public const int Length = 32;

    public void Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, Bar);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], (int)Access);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Offset);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], Size);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[24..], FileOffset);
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out InboundAddMessage message)
    {
        message = default;
        if (source.Length != Length)
        {
            return false;
        }

        message = new InboundAddMessage(
            BinaryPrimitives.ReadInt32LittleEndian(source),
            (DmaAccess)BinaryPrimitives.ReadInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]));
        return message.Bar is >= 0 and <= 5;
    }
}
