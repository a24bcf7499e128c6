namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Between bytes as a caller has them and a payload of whole DW; PCI Express Base Specification 5.0, section 2.2.2. A
/// payload keeps the order of memory: the byte of the lowest address comes first, and nothing is swapped.
/// </summary>
internal static class TlpPayload
{
    /// <summary>Lays bytes out as the payload of a TLP. Bytes that are not enabled are 0.</summary>
    /// <param name="header">A TLP with payload.</param>
    /// <param name="bytes">Its bytes from the first enabled one on, at most <see cref="TlpHeader.ByteLength"/>.</param>
    /// <param name="payload">At least <see cref="TlpHeader.PayloadLength"/> bytes.</param>
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

    /// <summary>The bytes of a payload that count, in place: from the first to the last enabled one.</summary>
    /// <param name="header">A TLP as <see cref="TlpHeader.TryDecode"/> accepted it.</param>
    /// <param name="payload">Its payload.</param>
    /// <returns>
    /// <see cref="TlpHeader.ByteLength"/> bytes. Those between may be disabled unless
    /// <see cref="TlpHeader.IsContiguous"/>: then use <see cref="Scatter"/>.
    /// </returns>
    public static ReadOnlySpan<byte> Unpack(scoped in TlpHeader header, ReadOnlySpan<byte> payload) =>
        payload.Slice(header.FirstByteOffset, header.ByteLength);

    /// <summary>Copies the enabled bytes of a write, and leaves those that are not enabled as they are.</summary>
    /// <param name="header">A write as <see cref="TlpHeader.TryDecode"/> accepted it.</param>
    /// <param name="payload">Its payload.</param>
    /// <param name="destination">
    /// What is at <see cref="TlpHeader.FirstByteAddress"/>, at least <see cref="TlpHeader.ByteLength"/> bytes.
    /// </param>
    public static void Scatter(in TlpHeader header, ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        ReadOnlySpan<byte> bytes = Unpack(header, payload);
        if (header.IsContiguous)
        {
            bytes.CopyTo(destination);
            return;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            if (header.IsByteEnabled(i))
            {
                destination[i] = bytes[i];
            }
        }
    }
}
