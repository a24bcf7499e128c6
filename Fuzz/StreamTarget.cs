using System.Buffers.Binary;
using Tmds.Linux;

namespace EpfTest.Fuzz;

/// <summary>
/// One of our servers, and a stream that a peer sends to it. The input is a list of pieces of it: a
/// control byte (low nibble: kind of descriptor, bits 4 and 5: their number, bit 6: send as it is, bit 7: disconnect
/// within the piece), the length (2, modulo the rest), then the bytes, usually a message whose length field is
/// corrected before it is sent.
/// </summary>
/// <remarks>
/// The whole stream is in the transport before the server runs on this thread until it has read it. The peer reads no
/// replies: once the transport is full, it is a peer that has stopped reading.
/// </remarks>
internal abstract class StreamTarget : FuzzTarget
{
    /// <summary>How long the server waits for the peer to read.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromMicroseconds(1);

    private const int KindMask = 0x0f;
    private const int CountShift = 4;
    private const int CountMask = 3;
    private const int Raw = 1 << 6;
    private const int Cut = 1 << 7;
    private const int PieceHeader = 3;
    private const int LeakRepeats = 3;
    private const byte NoGreeting = 0xff;

    // The kernel refuses to pass more at once; our own limits are lower.
    private const int MaxDescriptors = 40;

    private static readonly int[] s_counts = [0, 1, 2, 17];

    private readonly PeerDescriptors _descriptors = new();
    private readonly byte[] _piece = new byte[1 << 16];
    private int _firstFree;

    /// <summary>Offset of a message's length field in bytes.</summary>
    protected abstract int LengthOffset { get; }

    /// <summary>Bytes of a message that its length field does not count.</summary>
    protected abstract int LengthExcludes { get; }

    /// <summary>Sent before an input, unless that starts with <see cref="NoGreeting"/>.</summary>
    protected virtual ReadOnlySpan<byte> Greeting => [];

    public sealed override void Execute(ReadOnlySpan<byte> input)
    {
        Run(input);
        if (!OwnsDescriptors)
        {
            return;
        }

        // .NET opens descriptors, too, but not repeatedly.
        int first = FirstFree();
        int free = first;
        for (int i = 0; i < LeakRepeats && free > _firstFree; i++)
        {
            Run(input);
            int next = FirstFree();
            if (next <= free)
            {
                _firstFree = next;
                return;
            }

            free = next;
        }

        if (free > _firstFree)
        {
            throw new FindingException(
                $"descriptors are left open: {first} was the first free one, {LeakRepeats} times later {free}");
        }
    }

    public override void Dispose()
    {
        _descriptors.Dispose();
        base.Dispose();
    }

    /// <summary>Serves a peer that sends <paramref name="input"/> until it has hung up.</summary>
    protected abstract void Run(ReadOnlySpan<byte> input);

    /// <summary>Checks that nothing of the peer is left.</summary>
    /// <exception cref="FindingException">Something is left.</exception>
    protected virtual void ExpectNothingLeft()
    {
    }

    /// <summary>Sends what the input says.</summary>
    protected void Send(SendAction send, ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        if (input[0] == NoGreeting)
        {
            input = input[1..];
        }
        else if (!Greeting.IsEmpty)
        {
            _ = send(Greeting, []);
        }

        int passed = 0;
        Span<int> numbers = stackalloc int[s_counts[^1]];
        while (input.Length > PieceHeader)
        {
            int control = input[0];
            int length = Math.Min(BinaryPrimitives.ReadUInt16LittleEndian(input[1..]), input.Length - PieceHeader);
            Span<byte> piece = _piece.AsSpan(0, length);
            input.Slice(PieceHeader, length).CopyTo(piece);
            input = input[(PieceHeader + length)..];
            if (piece.IsEmpty)
            {
                continue;
            }

            if ((control & Raw) == 0 && length >= LengthOffset + sizeof(uint))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(piece[LengthOffset..], (uint)(length - LengthExcludes));
            }

            Span<int> descriptors = numbers[..s_counts[(control >> CountShift) & CountMask]];
            passed += descriptors.Length;
            if (passed > MaxDescriptors)
            {
                return;
            }

            _descriptors.Fill(control & KindMask, descriptors);
            bool cut = (control & Cut) != 0;
            if (!send(cut ? piece[..((length + 1) / 2)] : piece, descriptors) || cut)
            {
                return;
            }
        }
    }

    /// <summary>Sends as much as there is room for.</summary>
    /// <returns>False if the server has hung up.</returns>
    protected delegate bool SendAction(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors);

    /// <summary>The lowest free descriptor number: the same each time while nothing is left open.</summary>
    private static int FirstFree()
    {
        int free = LibC.fcntl(0, LibC.F_DUPFD_CLOEXEC, 0);
        _ = LibC.close(free);
        return free;
    }
}
