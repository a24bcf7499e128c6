using System.Buffers.Binary;
using EpfTest.Protocol.Pcie;

namespace EpfTest.Protocol.Link.Messages;

/// <summary><see cref="FrameKind.WriteFailed"/>: how it failed (4), reserved (4), address (8).</summary>
/// <param name="Status">One of <see cref="RequestStatus.UnsupportedRequest"/>,
/// <see cref="RequestStatus.CompleterAbort"/> and <see cref="RequestStatus.CompletionTimeout"/>.</param>
/// <param name="Address">Host bus address.</param>
internal readonly record struct WriteFailedMessage(RequestStatus Status, ulong Address)
{
    public const int Length = 16;

    private const int Unsupported = 1;
    private const int Aborted = 2;
    private const int TimedOut = 3;

    /// <summary>Any other status counts as Completer Abort.</summary>
    public void Encode(Span<byte> destination)
    {
        int status = Status switch
        {
            RequestStatus.UnsupportedRequest => Unsupported,
            RequestStatus.CompletionTimeout => TimedOut,
            _ => Aborted,
        };
        BinaryPrimitives.WriteInt32LittleEndian(destination, status);
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], Address);
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out WriteFailedMessage message)
    {
        message = default;
        if (source.Length != Length)
        {
            return false;
        }

        RequestStatus? status = BinaryPrimitives.ReadInt32LittleEndian(source) switch
        {
            Unsupported => RequestStatus.UnsupportedRequest,
            Aborted => RequestStatus.CompleterAbort,
            TimedOut => RequestStatus.CompletionTimeout,
            _ => null,
        };
        message = new WriteFailedMessage(status ?? default, BinaryPrimitives.ReadUInt64LittleEndian(source[8..]));
        return status is not null;
    }
}
