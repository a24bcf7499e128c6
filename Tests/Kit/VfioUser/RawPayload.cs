namespace EpfTest.Kit.VfioUser;

/// <summary>The payloads of commands, field by field as the specification lists them.</summary>
internal static class RawPayload
{
    public const uint Readable = 1 << 0;
    public const uint Writable = 1 << 1;
    public const uint UnmapAll = 1 << 1;

    /// <summary>QEMU's capabilities in its version message.</summary>
    public const string Capabilities = """{"capabilities":{"max_msg_fds":16}}""";

    public static byte[] Version(ushort major, ushort minor, string json) =>
        new WireBytes().U16(major, minor).Bytes(System.Text.Encoding.UTF8.GetBytes(json + '\0')).ToArray();

    public static byte[] DmaMap(
        ulong address, ulong size, ulong offset = 0, uint flags = Readable | Writable, uint argsz = 32) =>
        new WireBytes().U32(argsz, flags).U64(offset, address, size).ToArray();

    public static byte[] DmaUnmap(ulong address, ulong size, uint flags = 0, uint argsz = 24) =>
        new WireBytes().U32(argsz, flags).U64(address, size).ToArray();

    public static byte[] DeviceInfo(uint argsz = 16) => new WireBytes().U32(argsz, 0, 0, 0).ToArray();

    public static byte[] RegionInfo(uint index, uint argsz = 32) =>
        new WireBytes().U32(argsz, 0, index, 0).U64(0, 0).ToArray();

    public static byte[] IrqInfo(uint index, uint argsz = 16) => new WireBytes().U32(argsz, 0, index, 0).ToArray();

    public static byte[] IrqSet(
        uint index, uint flags, uint start, uint count, uint? argsz = null, params ReadOnlySpan<byte> data) =>
        new WireBytes().U32(argsz ?? (uint)(20 + data.Length), flags, index, start, count).Bytes(data).ToArray();

    public static byte[] RegionAccess(uint region, ulong offset, uint count, params ReadOnlySpan<byte> data) =>
        new WireBytes().U64(offset).U32(region, count).Bytes(data).ToArray();

    public static byte[] DmaAccess(ulong address, ulong count, params ReadOnlySpan<byte> data) =>
        new WireBytes().U64(address, count).Bytes(data).ToArray();
}
