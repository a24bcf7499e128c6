using System.Buffers.Binary;

namespace EpfTest.EpcDevice.Registers;

/// <summary>
/// Turns accesses of any size into those of 32-bit registers: reads give the bytes asked for, writes count only if
/// they cover whole registers (<c>docs/registers.md</c>, "Access").
/// </summary>
internal static class RegisterAccess
{
    private const int RegisterSize = sizeof(uint);

    /// <summary>Fills <paramref name="data"/> with what stands at <paramref name="offset"/> bytes.</summary>
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

    /// <summary>Writes the registers that <paramref name="data"/> covers whole.</summary>
    /// <returns>False where it covers one in part, so that nothing was written.</returns>
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
