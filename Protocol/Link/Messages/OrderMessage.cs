using System.Buffers.Binary;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>
/// The payload of the orders that say one number: token (4), which the link fills in, and the number (4): a BAR for
/// <see cref="FrameKind.InboundInvalidate"/>, the kind of reset for <see cref="FrameKind.FunctionReset"/>, how many function
/// blocks there are for <see cref="FrameKind.LinkUp"/>, 0 for the others.
/// </summary>
internal static class OrderMessage
{
    /// <summary>Bytes.</summary>
    public const int Length = 8;

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public static void Write(Span<byte> destination, int number) =>
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], number);

    /// <summary>Reads the number.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out int number)
    {
        number = source.Length == Length ? BinaryPrimitives.ReadInt32LittleEndian(source[4..]) : 0;
        return source.Length == Length;
    }
}
