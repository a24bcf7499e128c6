using System.Buffers.Binary;
using EpfTest.Protocol.Linux;

namespace EpfTest.Kit.VfioUser;

/// <summary>A message as it came; the client that received it closes its descriptors.</summary>
internal sealed record RawMessage(
    ushort Id, ushort Command, uint Flags, Errno Error, byte[] Payload, IReadOnlyList<FileDescriptor> Descriptors)
{
    public const int HeaderSize = 16;
    public const uint ReplyFlag = 1 << 0;
    public const uint NoReplyFlag = 1 << 4;
    public const uint ErrorFlag = 1 << 5;

    public static byte[] Build(
        ushort id, ushort command, ReadOnlySpan<byte> payload, uint flags = 0, uint error = 0, uint? size = null) =>
        new WireBytes()
            .U16(id, command)
            .U32(size ?? (uint)(HeaderSize + payload.Length), flags, error)
            .Bytes(payload)
            .ToArray();

    public ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Payload.AsSpan(offset));

    public uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Payload.AsSpan(offset));

    public ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(Payload.AsSpan(offset));
}
