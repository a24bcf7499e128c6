namespace EpfTest.Kit;

/// <summary>Memory whose content follows from its address, so that a byte in the wrong place shows.</summary>
internal static class TestBytes
{
    public static byte[] From(ulong address, int length)
    {
        var bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            ulong x = (address + (ulong)i) * 0x9E37_79B9_7F4A_7C15;
            bytes[i] = (byte)(x >> 56);
        }

        return bytes;
    }
}
