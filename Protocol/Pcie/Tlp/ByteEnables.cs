namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// Converts a range of bytes to DW and byte enables (section 2.2.5). Bit n of a 4-bit enable is byte n of its DW; byte
/// 0 has the lowest address. An empty range is a zero-length request, a flush: 1 DW, nothing enabled.
/// </summary>
internal static class ByteEnables
{
    public const int All = 0xF;

    private const int OffsetMask = TlpLimits.Dw - 1;

    /// <summary>DW that <paramref name="byteCount"/> bytes from <paramref name="address"/> touch, at least 1.</summary>
    public static int LengthDw(ulong address, int byteCount) =>
        byteCount == 0 ? 1 : (Offset(address) + byteCount + OffsetMask) / TlpLimits.Dw;

    /// <summary>First DW BE.</summary>
    public static int First(ulong address, int byteCount)
    {
        int offset = Offset(address);
        int end = Math.Min(offset + byteCount, TlpLimits.Dw);
        return (All << offset) & ((1 << end) - 1);
    }

    /// <summary>Last DW BE; 0 for 1 DW.</summary>
    public static int Last(ulong address, int byteCount)
    {
        if (LengthDw(address, byteCount) == 1)
        {
            return 0;
        }

        int end = (Offset(address) + byteCount) & OffsetMask;
        return end == 0 ? All : (1 << end) - 1;
    }

    /// <summary>Whether First DW BE has no gap up to the end of its DW.</summary>
    public static bool RunsToEnd(int first) => first is 0xF or 0xE or 0xC or 0x8;

    /// <summary>Whether Last DW BE has no gap from the start of its DW.</summary>
    public static bool RunsFromStart(int last) => last is 0xF or 0x7 or 0x3 or 0x1;

    private static int Offset(ulong address) => (int)(address & OffsetMask);
}
