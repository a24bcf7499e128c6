using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>Lays out frames that carry a TLP.</summary>
internal static class TlpFrame
{
    public const int MaxLength = FrameHeader.Length + FrameHeader.MaxPayload;

    /// <summary>Bytes of the longest frame without data.</summary>
    public const int MaxLengthWithoutData = FrameHeader.Length + 16;

    /// <returns>Bytes of the frame.</returns>
    public static int Encode(Span<byte> frame, FunctionId function, in TlpHeader header, ReadOnlySpan<byte> data)
    {
        Span<byte> tlp = frame[FrameHeader.Length..];
        int length = header.Encode(tlp);
        if (header.HasPayload)
        {
            length += TlpPayload.Pack(header, data, tlp[length..]);
        }

        new FrameHeader((uint)length, FrameKind.Tlp, function).Encode(frame);
        return FrameHeader.Length + length;
    }

    /// <summary>Lays out the completion of a read, for the caller to fill in the data.</summary>
    /// <param name="length">Bytes of the frame.</param>
    /// <returns>Where the <see cref="TlpHeader.ReadLength"/> bytes of data go.</returns>
    public static Span<byte> EncodeCompletion(
        Span<byte> frame, FunctionId function, in TlpHeader request, Bdf completer, out int length)
    {
        TlpHeader header = TlpHeader.CompletionData(request, completer);
        int start = request.CompletionLowerAddress % TlpLimits.Dw;
        length = FrameHeader.Length + header.HeaderLength + header.PayloadLength;
        new FrameHeader((uint)(length - FrameHeader.Length), FrameKind.Tlp, function).Encode(frame);
        header.Encode(frame[FrameHeader.Length..]);
        Span<byte> payload = frame[(FrameHeader.Length + header.HeaderLength)..length];
        payload[..start].Clear();
        payload[(start + request.ReadLength)..].Clear();
        return payload.Slice(start, request.ReadLength);
    }
}
