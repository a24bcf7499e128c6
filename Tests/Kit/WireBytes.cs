namespace EpfTest.Kit;

/// <summary>Puts a message together field by field, little-endian.</summary>
internal sealed class WireBytes
{
    private readonly List<byte> _bytes = [];

    public WireBytes U16(params ReadOnlySpan<ushort> values)
    {
        foreach (ushort value in values)
        {
            _bytes.Add((byte)value);
            _bytes.Add((byte)(value >> 8));
        }

        return this;
    }

    public WireBytes U32(params ReadOnlySpan<uint> values)
    {
        foreach (uint value in values)
        {
            U16((ushort)value, (ushort)(value >> 16));
        }

        return this;
    }

    public WireBytes U64(params ReadOnlySpan<ulong> values)
    {
        foreach (ulong value in values)
        {
            U32((uint)value, (uint)(value >> 32));
        }

        return this;
    }

    public WireBytes Bytes(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public byte[] ToArray() => [.. _bytes];
}
