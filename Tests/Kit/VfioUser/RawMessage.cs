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

    /// <summary>The next message of a server, or null where it hung up or stayed silent.</summary>
    public static RawMessage? TryReceive(RawSocket socket)
    {
        var descriptors = new List<FileDescriptor>();
        byte[] header = new byte[HeaderSize];
        if (!socket.TryReceive(header, descriptors))
        {
            return null;
        }

        byte[] payload = new byte[BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)) - HeaderSize];
        return socket.TryReceive(payload, descriptors)
            ? new RawMessage(
                BinaryPrimitives.ReadUInt16LittleEndian(header),
                BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(2)),
                BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)),
                (Errno)BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(12)),
                payload,
                descriptors)
            : null;
    }

    /// <summary>The reply to this command.</summary>
    public byte[] Answer(ReadOnlySpan<byte> payload, Errno error = Errno.None) => Build(
        Id, Command, payload, ReplyFlag | (error == Errno.None ? 0 : ErrorFlag), (uint)error);

    public ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Payload.AsSpan(offset));

    public uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Payload.AsSpan(offset));

    public ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(Payload.AsSpan(offset));
}
