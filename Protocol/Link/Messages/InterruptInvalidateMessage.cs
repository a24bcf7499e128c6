using System.Buffers.Binary;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>
/// <see cref="FrameKind.InterruptInvalidate"/>: token (4), which the link fills in, type (4; 0 MSI, 1 MSI-X), first
/// vector (4), number of vectors (4).
/// </summary>
/// <param name="IsMsix">Whether these are MSI-X vectors, not MSIs.</param>
/// <param name="Start">The first.</param>
/// <param name="Count">How many.</param>
internal readonly record struct InterruptInvalidateMessage(bool IsMsix, int Start, int Count)
{
    public const int Length = 16;

    public void Encode(Span<byte> destination)
    {
        destination[..4].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], IsMsix ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(destination[8..], Start);
        BinaryPrimitives.WriteInt32LittleEndian(destination[12..], Count);
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out InterruptInvalidateMessage message)
    {
        message = default;
        if (source.Length != Length || BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) > 1)
        {
            return false;
        }

        message = new InterruptInvalidateMessage(
            BinaryPrimitives.ReadInt32LittleEndian(source[4..]) == 1,
            BinaryPrimitives.ReadInt32LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[12..]));
        return message is { Start: >= 0, Count: >= 0 }
            && message.Start <= InterruptAddMessage.MaxVectors
            && message.Count <= InterruptAddMessage.MaxVectors - message.Start;
    }
}
