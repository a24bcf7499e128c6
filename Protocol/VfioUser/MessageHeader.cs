using System.Buffers.Binary;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// The 16 bytes before every message (vfio-user specification, "Header"): id, command, size, flags, error, in the
/// byte order of the host, which is little-endian wherever this runs.
/// </summary>
/// <param name="Id">Chosen by the sender of a command and repeated in its reply; not unique.</param>
/// <param name="Command">The command; a reply repeats it.</param>
/// <param name="Size">Bytes of the message, including this header.</param>
/// <param name="Flags">Command or reply, and options.</param>
/// <param name="Error">The error of a reply with <see cref="MessageFlags.Error"/>.</param>
internal readonly record struct MessageHeader(
    ushort Id, VfioUserCommand Command, uint Size, MessageFlags Flags, Errno Error)
{
    public const int Length = 16;

    public bool IsReply => (Flags & MessageFlags.TypeMask) == MessageFlags.Reply;

    public bool IsCommand => (Flags & MessageFlags.TypeMask) == MessageFlags.Command;

    public static MessageHeader Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt16LittleEndian(source),
        (VfioUserCommand)BinaryPrimitives.ReadUInt16LittleEndian(source[2..]),
        BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
        (MessageFlags)BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
        (Errno)BinaryPrimitives.ReadInt32LittleEndian(source[12..]));

    /// <summary>The bytes that the incomplete message in <paramref name="available"/> is known to lack.</summary>
    public static int Missing(ReadOnlySpan<byte> available) =>
        (available.Length < Length ? Length : (int)Read(available).Size) - available.Length;

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(destination, Id);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[2..], (ushort)Command);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Size);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], (uint)Flags);
        BinaryPrimitives.WriteInt32LittleEndian(destination[12..], (int)Error);
    }
}
