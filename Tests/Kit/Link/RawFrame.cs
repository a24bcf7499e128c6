using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.Link;

/// <summary>Frames as docs/link-protocol.md lays them out: numbers and layouts are written down a second
/// time.</summary>
internal sealed record RawFrame(ushort Kind, ushort Function, byte[] Payload, IReadOnlyList<FileDescriptor> Descriptors)
{
    public const ushort Hello = 1;
    public const ushort Refuse = 2;
    public const ushort Tlp = 3;
    public const ushort Acknowledge = 4;
    public const ushort FunctionKind = 16;
    public const ushort BarAddress = 17;
    public const ushort LinkUp = 18;
    public const ushort LinkDown = 19;
    public const ushort InboundAdd = 20;
    public const ushort InboundInvalidate = 21;
    public const ushort MemoryAdd = 32;
    public const ushort MemoryInvalidate = 33;
    public const ushort MemoryInvalidateAll = 34;
    public const ushort FunctionReset = 35;
    public const ushort BarMapped = 36;
    public const ushort InterruptAdd = 37;
    public const ushort InterruptInvalidate = 38;
    public const ushort WriteFailed = 39;

    public const uint Direct = 1 << 0;
    public const uint Interrupts = 1 << 2;

    public const uint Endpoint = 1;
    public const uint Bridge = 2;
    public const int HeaderSize = 8;
    public const int MaxPayload = 4112;

    public string Text => System.Text.Encoding.UTF8.GetString(Payload);

    public uint Token => BitConverter.ToUInt32(Payload);

    public static byte[] Build(ushort kind, ushort function, ReadOnlySpan<byte> payload, uint? length = null) =>
        new WireBytes().U32(length ?? (uint)payload.Length).U16(kind, function).Bytes(payload).ToArray();

    public static byte[] HelloOf(
        uint role, uint capabilities = 1, ushort major = 1, ushort minor = 0, string magic = "EPFL") =>
        Build(
            Hello,
            0,
            new WireBytes()
                .Bytes(System.Text.Encoding.ASCII.GetBytes(magic))
                .U16(major, minor)
                .U32(role, capabilities)
                .ToArray());

    /// <summary>An order of one number.</summary>
    public static byte[] Order(ushort kind, ushort function, uint token, uint number) =>
        Build(kind, function, new WireBytes().U32(token, number).ToArray());

    /// <summary>MEMORY_ADD with what the EP may do, or MEMORY_INVALIDATE with its token.</summary>
    public static byte[] Memory(
        ushort kind, ushort function, uint first, ulong address, ulong size, ulong fileOffset = 0) =>
        Build(kind, function, new WireBytes().U32(first, 0).U64(address, size, fileOffset).ToArray());

    /// <summary>INTERRUPT_INVALIDATE.</summary>
    public static byte[] InvalidateInterrupts(ushort function, uint token, uint type, uint start, uint count) =>
        Build(InterruptInvalidate, function, new WireBytes().U32(token, type, start, count).ToArray());

    /// <summary>INBOUND_ADD.</summary>
    public static byte[] Inbound(
        ushort function, uint bar, uint access, ulong offset, ulong size, ulong fileOffset = 0) =>
        Build(InboundAdd, function, new WireBytes().U32(bar, access).U64(offset, size, fileOffset).ToArray());

    /// <summary>FUNCTION with one 32-bit memory BAR 0.</summary>
    public static byte[] FunctionOf(
        ushort number, bool present = true, byte pin = 1, ushort msi = 4, ushort msix = 8, ulong barSize = 0x1000)
    {
        WireBytes payload = new WireBytes().Bytes([present ? (byte)1 : (byte)0, pin]).U16(msi, msix, 0);
        for (int bar = 0; bar < 6; bar++)
        {
            payload.U64(bar == 0 ? barSize : 0, bar == 0 ? 0xe000_0000 : 0).U32(0, 0);
        }

        return Build(FunctionKind, number, payload.ToArray());
    }

    /// <summary>A TLP: its header's DWs, byte 0 first, and its payload.</summary>
    public static byte[] TlpOf(ushort function, uint[] header, ReadOnlySpan<byte> payload = default)
    {
        var bytes = new WireBytes();
        foreach (uint dw in header)
        {
            bytes.Bytes([(byte)(dw >> 24), (byte)(dw >> 16), (byte)(dw >> 8), (byte)dw]);
        }

        return Build(Tlp, function, bytes.Bytes(payload).ToArray());
    }

    /// <summary>A DW of a TLP's header that came.</summary>
    public uint Dw(int index) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(index * sizeof(uint)));
}
