using System.Buffers.Binary;

namespace EpfTest.EpcDevice.Registers;

/// <summary>
/// Splits accesses of any size into 32-bit registers: reads return the bytes asked for, writes must cover whole
/// registers (<c>docs/registers.md</c>, "Access").
/// </summary>
internal static class RegisterAccess
{
    private const int RegisterSize = sizeof(uint);

    public static void Read(IRegisterBlock block, int offset, Span<byte> data)
    {
        while (!data.IsEmpty)
        {
            int inside = offset % RegisterSize;
            int length = Math.Min(data.Length, RegisterSize - inside);
            uint value = block.Read(offset - inside) >> (inside * 8);
            for (int i = 0; i < length; i++)
            {
                data[i] = (byte)(value >> (i * 8));
            }

            data = data[length..];
            offset += length;
        }
    }

    /// <returns>False if <paramref name="data"/> covers a register in part; then nothing was written.</returns>
    public static bool Write(IRegisterBlock block, int offset, ReadOnlySpan<byte> data)
    {
        if (offset % RegisterSize != 0 || data.Length % RegisterSize != 0)
        {
            return false;
        }

        for (int i = 0; i < data.Length; i += RegisterSize)
        {
            block.Write(offset + i, BinaryPrimitives.ReadUInt32LittleEndian(data[i..]));
        }

        return true;
    }
}
