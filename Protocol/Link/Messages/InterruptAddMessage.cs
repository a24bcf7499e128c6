using System.Buffers.Binary;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>
/// <see cref="FrameKind.InterruptAdd"/>: type (4; 0 MSI, 1 MSI-X), vector (4); the eventfd comes as descriptor.
/// </summary>
/// <param name="IsMsix">Whether it is an MSI-X vector, not an MSI.</param>
/// <param name="Vector">From 0, below <see cref="MaxVectors"/>.</param>
internal readonly record struct InterruptAddMessage(bool IsMsix, int Vector)
{
    public const int Length = 8;

    /// <summary>What an MSI-X table holds at most (section 7.7.2.2).</summary>
    public const int MaxVectors = 2048;

    public void Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, IsMsix ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], Vector);
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out InterruptAddMessage message)
    {
        message = default;
        if (source.Length != Length || BinaryPrimitives.ReadUInt32LittleEndian(source) > 1)
        {
            return false;
        }

        message = new InterruptAddMessage(
            BinaryPrimitives.ReadInt32LittleEndian(source) == 1, BinaryPrimitives.ReadInt32LittleEndian(source[4..]));
        return message.Vector is >= 0 and < MaxVectors;
    }
}
