using System.Buffers.Binary;

namespace EpfTest.Protocol.Link.Messages;

/// <summary>
/// <see cref="FrameKind.Function"/>: present (1), interrupt pin (1), MSI vectors (2), MSI-X vectors (2), reserved (2),
/// then for each of six BARs size (8), address (8), flags (4), reserved (4).
/// </summary>
/// <param name="Present">Whether there is such a function.</param>
/// <param name="InterruptPin">0 for none.</param>
/// <param name="MsiVectors">0 without the capability.</param>
/// <param name="MsixVectors">0 without the capability.</param>
/// <param name="Bars">Six of them.</param>
internal sealed record FunctionMessage(
    bool Present, byte InterruptPin, ushort MsiVectors, ushort MsixVectors, IReadOnlyList<BarMessage> Bars)
{
    public const int Length = Header + (BarCount * BarLength);

    private const int Header = 8;
    private const int BarCount = 6;
    private const int BarLength = 24;

    public void Encode(Span<byte> destination)
    {
        destination[..Length].Clear();
        destination[0] = Present ? (byte)1 : (byte)0;
        destination[1] = InterruptPin;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], MsiVectors);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], MsixVectors);
        for (int i = 0; i < BarCount; i++)
        {
            Span<byte> bar = destination.Slice(Header + (i * BarLength), BarLength);
            BinaryPrimitives.WriteUInt64LittleEndian(bar, Bars[i].Size);
            BinaryPrimitives.WriteUInt64LittleEndian(bar[8..], Bars[i].Address);
            BinaryPrimitives.WriteUInt32LittleEndian(bar[16..], Bars[i].Flags);
        }
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out FunctionMessage? message)
    {
        message = null;
        if (source.Length != Length)
        {
            return false;
        }

        var bars = new BarMessage[BarCount];
        for (int i = 0; i < BarCount; i++)
        {
            ReadOnlySpan<byte> bar = source.Slice(Header + (i * BarLength), BarLength);
            bars[i] = new BarMessage(
                BinaryPrimitives.ReadUInt64LittleEndian(bar),
                BinaryPrimitives.ReadUInt64LittleEndian(bar[8..]),
                BinaryPrimitives.ReadUInt32LittleEndian(bar[16..]));
        }

        message = new FunctionMessage(
            source[0] == 1,
            source[1],
            BinaryPrimitives.ReadUInt16LittleEndian(source[2..]),
            BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
            bars);
        return message.InterruptPin <= 4 && message.MsiVectors <= 32 && message.MsixVectors <= 2048;
    }
}
