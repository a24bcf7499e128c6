using System.Buffers.Binary;

namespace EpfTest.Protocol.Link.Messages;

/// <summary><see cref="FrameKind.BarMapped"/>: BAR (4), mapped (4).</summary>
/// <param name="Bar">0 to 5.</param>
/// <param name="IsMapped">Whether the host's QEMU maps it.</param>
internal readonly record struct BarMappedMessage(int Bar, bool IsMapped)
{
    public const int Length = 8;

    public void Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, Bar);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], IsMapped ? 1 : 0);
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out BarMappedMessage message)
    {
        message = source.Length == Length
            ? new(
                BinaryPrimitives.ReadInt32LittleEndian(source),
                BinaryPrimitives.ReadInt32LittleEndian(source[4..]) == 1)
            : default;
        return source.Length == Length && message.Bar is >= 0 and <= 5;
    }
}
