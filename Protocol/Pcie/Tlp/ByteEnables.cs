namespace EpfTest.Protocol.Pcie.Tlp;

/// <summary>
/// From bytes to DW and byte enables; PCI Express Base Specification 5.0, section 2.2.5. Bit n of a 4-bit enable is
/// byte n of its DW, the byte of the lowest address being byte 0. A range of no bytes is the zero-length request that
/// the specification allows as a flush: 1 DW, nothing enabled.
/// </summary>
internal static class ByteEnables
{
    /// <summary>Every byte of a DW.</summary>
    public const int All = 0xF;

    private const int OffsetMask = TlpLimits.Dw - 1;

    /// <summary>DW that <paramref name="byteCount"/> bytes from <paramref name="address"/> touch, at least 1.</summary>
    public static int LengthDw(ulong address, int byteCount) =>
        byteCount == 0 ? 1 : (Offset(address) + byteCount + OffsetMask) / TlpLimits.Dw;

    /// <summary>First DW BE of <paramref name="byteCount"/> bytes from <paramref name="address"/>.</summary>
    public static int First(ulong address, int byteCount)
    {
        int offset = Offset(address);
        int end = Math.Min(offset + byteCount, TlpLimits.Dw);
        return (All << offset) & ((1 << end) - 1);
    }

    /// <summary>
    /// Last DW BE of <paramref name="byteCount"/> bytes from <paramref name="address"/>: 0 within 1 DW.
    /// </summary>
    public static int Last(ulong address, int byteCount)
    {
        if (LengthDw(address, byteCount) == 1)
        {
            return 0;
        }

        int end = (Offset(address) + byteCount) & OffsetMask;
        return end == 0 ? All : (1 << end) - 1;
    }

    /// <summary>Whether First DW BE runs to the end of its DW without a gap: 1111b, 1110b, 1100b or 1000b.</summary>
    public static bool RunsToEnd(int first) => first is 0xF or 0xE or 0xC or 0x8;

    /// <summary>Whether Last DW BE runs from the start of its DW without a gap: 1111b, 0111b, 0011b or 0001b.</summary>
    public static bool RunsFromStart(int last) => last is 0xF or 0x7 or 0x3 or 0x1;

    private static int Offset(ulong address) => (int)(address & OffsetMask);
}
