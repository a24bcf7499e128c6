using System.Buffers.Binary;

namespace EpfTest.Protocol.Link.Messages;

/// <summary><see cref="FrameKind.BarAddress"/>: BAR (4), flags (4; bit 0 enabled, 1 awaited), address (8).</summary>
/// <param name="Bar">0 to 5.</param>
/// <param name="Address">Host bus address.</param>
/// <param name="IsEnabled">Whether the function claims accesses to it: its space is enabled, and it is in D0.</param>
/// <param name="IsAwaited">Whether it leads to private memory of the EP guest, so that writes must be awaited.</param>
internal readonly record struct BarAddressMessage(int Bar, ulong Address, bool IsEnabled, bool IsAwaited)
{
    public const int Length = 16;

    private const int Enabled = 1 << 0;
    private const int Awaited = 1 << 1;

    public void Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, Bar);
        int flags = (IsEnabled ? Enabled : 0) | (IsAwaited ? Awaited : 0);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], flags);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Address);
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out BarAddressMessage message)
    {
        message = source.Length == Length
            ? new(
                BinaryPrimitives.ReadInt32LittleEndian(source),
                BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
                (source[4] & Enabled) != 0,
                (source[4] & Awaited) != 0)
            : default;
        return source.Length == Length && message.Bar is >= 0 and <= 5;
    }
}
