namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Converts between bytes and a payload of whole DW (section 2.2.2). A payload has the order of memory: the byte of the
/// lowest address comes first.
/// </summary>
internal static class TlpPayload
{
    /// <summary>Writes a payload: <paramref name="bytes"/> from the first enabled byte on, zeros around them.</summary>
    /// <returns>Bytes written: <see cref="TlpHeader.PayloadLength"/>.</returns>
    public static int Pack(in TlpHeader header, ReadOnlySpan<byte> bytes, Span<byte> payload)
    {
        payload = payload[..header.PayloadLength];
        int start = header.FirstByteOffset;
        payload[..start].Clear();
        bytes.CopyTo(payload[start..]);
        payload[(start + bytes.Length)..].Clear();
        return payload.Length;
    }

    /// <summary>
    /// The <see cref="TlpHeader.ByteLength"/> bytes of a payload from the first to the last enabled one. Unless
    /// <see cref="TlpHeader.IsContiguous"/>, bytes between may be disabled.
    /// </summary>
    public static ReadOnlySpan<byte> Unpack(scoped in TlpHeader header, ReadOnlySpan<byte> payload) =>
        payload.Slice(header.FirstByteOffset, header.ByteLength);
}
