using System.Buffers.Binary;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>
/// The payload of the link requests with one number: token (4), which the link fills in, and the number (4): a BAR for
/// <see cref="FrameKind.InboundInvalidate"/>, the kind of reset for <see cref="FrameKind.FunctionReset"/>, the number
/// of function blocks for <see cref="FrameKind.LinkUp"/>, 0 for the others.
/// </summary>
internal static class RequestMessage
{
    public const int Length = 8;

    public static void Encode(Span<byte> destination, int number) =>
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], number);

    public static bool TryDecode(ReadOnlySpan<byte> source, out int number)
    {
        number = source.Length == Length ? BinaryPrimitives.ReadInt32LittleEndian(source[4..]) : 0;
        return source.Length == Length;
    }
}
