using System.Diagnostics;
using System.Runtime.CompilerServices;
using Tmds.Linux;

namespace EpfTest.Protocol.Linux;

/// <summary>
/// Receives a stream of messages with descriptors: one system call takes all bytes that are there, and the caller
/// splits them into messages. Nothing is allocated by a length that a message claims. For one thread.
/// </summary>
/// <remarks>
/// Descriptors belong to the last message that starts in the bytes of a receive, since the kernel ends a receive with
/// the piece that carries them. While a message with descriptors is incomplete, only the rest of it is received, so
/// that its descriptors are not mixed with those of the next.
/// </remarks>
internal sealed class MessageReceiver : IDisposable
{
    private const int ReceiveAhead = 64 << 10;

    // Unsuccessful polls in a row until polling stops.
    private const int MaxMisses = 4;

    private readonly IMessageSource _source;
    private readonly int _maxMessageSize;
    private readonly TimeSpan _poll;
    private readonly byte[] _buffer;
    private readonly int[] _descriptors = new int[UnixSocket.MaxDescriptors];
    private int _start;
    private int _end;
    private int _descriptorCount;
    private int _descriptorsCameBefore;
    private int _misses;

    /// <summary>Receives from <paramref name="source"/>, which stays the caller's.</summary>
    /// <param name="source">A connected socket, or the like.</param>
    /// <param name="maxMessageSize">Bytes of the largest message.</param>
    /// <param name="poll">How long a receive polls before it sleeps; zero for not at all.</param>
    /// <param name="buffer">From <see cref="AllocateBuffer"/> for this size, used by no other receiver; null for a new
    /// one.</param>
    public MessageReceiver(IMessageSource source, int maxMessageSize, TimeSpan poll = default, byte[]? buffer = null)
    {
        _poll = poll;
        _source = source;
        _maxMessageSize = maxMessageSize;
        _buffer = buffer ?? AllocateBuffer(maxMessageSize);
    }

    /// <summary>Allocates a receiver's buffer.</summary>
    public static byte[] AllocateBuffer(int maxMessageSize) =>
        GC.AllocateUninitializedArray<byte>(maxMessageSize + ReceiveAhead, pinned: true);

    /// <summary>The error of the last receive; none if the peer hung up.</summary>
    public Errno Error { get; private set; }

    /// <summary>Whether the last receive failed because more descriptors came than a message can have.</summary>
    public bool TooManyDescriptors { get; private set; }

    /// <summary>The bytes that were received and not consumed: whole messages, and perhaps part of one.</summary>
    public ReadOnlySpan<byte> Available => _buffer.AsSpan(_start, _end - _start);

    /// <summary>The descriptors of the message that was consumed last; -1 for each one that was taken.</summary>
    public Span<int> Descriptors => _start < _descriptorsCameBefore ? [] : _descriptors.AsSpan(0, _descriptorCount);

    /// <summary>Receives more. The caller has consumed all whole messages.</summary>
    /// <param name="missing">The bytes that the incomplete message is known to lack, at least 1.</param>
    /// <returns>False if the peer hung up, the socket failed, or more descriptors came than a message can
    /// have.</returns>
    public bool Receive(int missing) => Receive(missing, wait: true);

    /// <summary>As <see cref="Receive(int)"/>, but does not wait: false, with <see cref="Errno.EAGAIN"/> as the
    /// <see cref="Error"/>, if nothing is there.</summary>
    public bool TryReceive(int missing) => Receive(missing, wait: false);

    /// <summary>Consumes a message of <paramref name="size"/> bytes.</summary>
    public void Consume(int size) => _start += size;

    /// <summary>Takes ownership of a descriptor of the message that was consumed last.</summary>
    public FileDescriptor TakeDescriptor(int index)
    {
        int descriptor = Descriptors[index];
        Descriptors[index] = -1;
        return new FileDescriptor(descriptor);
    }

    /// <summary>Closes the descriptors of the message that was consumed last, except those that were taken.</summary>
    public void CloseDescriptors()
    {
        Close(Descriptors);
        if (_start >= _descriptorsCameBefore)
        {
            _descriptorCount = 0;
        }
    }

    public void Dispose()
    {
        Close(_descriptors.AsSpan(0, _descriptorCount));
        _descriptorCount = 0;
    }

    [SkipLocalsInit]
    private bool Receive(int missing, bool wait)
    {
        if (_start == _end || _buffer.Length - _start < _maxMessageSize)
        {
            // The rest of a message would not fit behind its beginning.
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _descriptorsCameBefore -= _start;
            _end -= _start;
            _start = 0;
        }

        int room = _descriptorCount > 0 ? missing : _buffer.Length - _end;
        Span<byte> buffer = _buffer.AsSpan(_end, room);
        Span<int> place = stackalloc int[UnixSocket.MaxDescriptors];
        Error = wait
            ? PollAndReceive(buffer, place, out int descriptorCount, out int received)
            : _source.Receive(buffer, place, wait: false, out descriptorCount, out received);
        _end += received;
        TooManyDescriptors = !Keep(place[..descriptorCount]);
        return !TooManyDescriptors && Error == Errno.None && received > 0;
    }

    private static void Close(ReadOnlySpan<int> descriptors)
    {
        foreach (int descriptor in descriptors)
        {
            if (descriptor >= 0)
            {
                _ = LibC.close(descriptor);
            }
        }
    }

    /// <summary>
    /// Receives by polling if something comes soon, since waking up takes longer than all else. Polling stops for a
    /// peer that is seldom so quick, until it has been once more.
    /// </summary>
    private Errno PollAndReceive(Span<byte> buffer, Span<int> place, out int descriptorCount, out int received)
    {
        if (_poll == TimeSpan.Zero)
        {
            return _source.Receive(buffer, place, wait: true, out descriptorCount, out received);
        }

        long start = Stopwatch.GetTimestamp();
        Errno error;
        while (_misses < MaxMisses)
        {
            error = _source.Receive(buffer, place, wait: false, out descriptorCount, out received);
            if (error != Errno.EAGAIN)
            {
                _misses = 0;
                return error;
            }

            if (Stopwatch.GetElapsedTime(start) >= _poll)
            {
                _misses++;
                break;
            }
        }

        error = _source.Receive(buffer, place, wait: true, out descriptorCount, out received);
        if (Stopwatch.GetElapsedTime(start) < _poll)
        {
            _misses = 0;
        }

        return error;
    }

    private bool Keep(ReadOnlySpan<int> descriptors)
    {
        if (descriptors.IsEmpty)
        {
            return true;
        }

        int room = Math.Min(descriptors.Length, _descriptors.Length - _descriptorCount);
        descriptors[..room].CopyTo(_descriptors.AsSpan(_descriptorCount));
        _descriptorCount += room;
        _descriptorsCameBefore = _end;
        Close(descriptors[room..]);
        return room == descriptors.Length;
    }
}
