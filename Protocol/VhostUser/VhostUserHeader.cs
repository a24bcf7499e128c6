using System.Buffers.Binary;

namespace EpfTest.Protocol.VhostUser;

/// <summary>The 12 bytes before every message: request, flags, bytes of payload; little-endian wherever this
/// runs.</summary>
/// <param name="Request">The request, which has numbers of its own in either direction.</param>
/// <param name="Flags">Version, request or reply.</param>
/// <param name="Size">Bytes after this header.</param>
internal readonly record struct VhostUserHeader(uint Request, VhostUserFlags Flags, uint Size)
{
    public const int Length = 12;

    public bool NeedsReply => (Flags & VhostUserFlags.NeedReply) != 0;

    public static VhostUserHeader Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(source),
        (VhostUserFlags)BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
        BinaryPrimitives.ReadUInt32LittleEndian(source[8..]));

    /// <summary>The bytes that the incomplete message in <paramref name="available"/> is known to lack.</summary>
    public static int Missing(ReadOnlySpan<byte> available) =>
        (available.Length < Length ? Length : Length + (int)Read(available).Size) - available.Length;

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Request);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], (uint)Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], Size);
    }
}
