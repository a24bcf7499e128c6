using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;
using Tmds.Linux;

namespace EpfTest.Kit.Link;

/// <summary>One end of a link in memory, which behaves as a Unix stream socket does, without system calls.</summary>
internal sealed class MemoryTransport : IFrameTransport
{
    /// <summary>As much as a socket of the link holds.</summary>
    public const int DefaultCapacity = 256 << 10;

    private readonly Direction _in;
    private readonly Direction _out;

    private MemoryTransport(Direction input, Direction output, bool passesDescriptors)
    {
        _in = input;
        _out = output;
        PassesDescriptors = passesDescriptors;
    }

    /// <inheritdoc/>
    public bool PassesDescriptors { get; }

    /// <summary>Both ends of a link.</summary>
    /// <param name="passesDescriptors">Whether descriptors are copied to the other end, as SCM_RIGHTS does.</param>
    /// <param name="capacity">Bytes that each direction holds.</param>
    public static (MemoryTransport Left, MemoryTransport Right) CreatePair(
        bool passesDescriptors = true, int capacity = DefaultCapacity)
    {
        var toLeft = new Direction(capacity);
        var toRight = new Direction(capacity);
        return (new(toLeft, toRight, passesDescriptors), new(toRight, toLeft, passesDescriptors));
    }

    /// <inheritdoc/>
    public Errno TrySend(ReadOnlySpan<byte> bytes, FileDescriptor? descriptor, out int sent)
    {
        if (!PassesDescriptors && descriptor is not null)
        {
            throw new InvalidOperationException("this transport passes no descriptors");
        }

        return _out.TrySend(bytes, descriptor is null ? [] : [descriptor.Number], out sent);
    }

    /// <summary>The same with any number of descriptors.</summary>
    public Errno TrySend(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors, out int sent) =>
        _out.TrySend(bytes, descriptors, out sent);

    /// <inheritdoc/>
    public Errno Send(ReadOnlySpan<byte> bytes, TimeSpan limit) => _out.Send(bytes, [], limit);

    /// <summary>Sends all bytes, and any number of descriptors with the first.</summary>
    public Errno Send(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors, TimeSpan limit) =>
        _out.Send(bytes, descriptors, limit);

    /// <inheritdoc/>
    public Errno Receive(
        Span<byte> buffer, Span<int> descriptors, bool wait, out int descriptorCount, out int received) =>
        _in.Receive(buffer, descriptors, wait, out descriptorCount, out received);

    /// <inheritdoc/>
    public void WaitReadable(int milliseconds) => _in.WaitReadable(milliseconds);

    /// <inheritdoc/>
    public void WaitUnlessPaused() => _in.WaitUnlessPaused();

    /// <inheritdoc/>
    public void Pause() => _in.SetPaused(true);

    /// <inheritdoc/>
    public void Resume() => _in.SetPaused(false);

    /// <summary>No more is sent; the other end receives what was sent before.</summary>
    public void EndSending() => _out.End();

    /// <inheritdoc/>
    public void Shutdown()
    {
        _in.End();
        _out.End();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Shutdown();
        _in.Drop();
    }

    /// <summary>The bytes on their way to one end.</summary>
    private sealed class Direction(int capacity)
    {
        // What a socket's buffer accounts for a piece beside its bytes.
        private const int Overhead = 512;

        private readonly object _lock = new();
        private readonly Queue<Piece> _pieces = new();
        private int _first;
        private int _length;
        private bool _isPaused;
        private bool _ended;
        private bool _dropped;

        private bool IsReadable => _length > 0 || _ended;

        public Errno TrySend(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors, out int sent)
        {
            lock (_lock)
            {
                sent = 0;
                if (_ended)
                {
                    return Errno.EPIPE;
                }

                int room = Math.Max(capacity - _length - (_pieces.Count * Overhead), 0);
                if (room == 0 || (!descriptors.IsEmpty && room < bytes.Length))
                {
                    return Errno.None;
                }

                sent = Math.Min(room, bytes.Length);
                _pieces.Enqueue(new Piece(bytes[..sent].ToArray(), Copy(descriptors)));
                _length += sent;
                Monitor.PulseAll(_lock);
                return Errno.None;
            }
        }

        public Errno Send(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors, TimeSpan limit)
        {
            long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
            lock (_lock)
            {
                while (true)
                {
                    Errno error = TrySend(bytes, descriptors, out int sent);
                    bytes = bytes[sent..];
                    descriptors = sent > 0 ? [] : descriptors;
                    if (error != Errno.None || bytes.IsEmpty)
                    {
                        return error;
                    }

                    if (!Wait(end - Environment.TickCount64))
                    {
                        return Errno.EAGAIN;
                    }
                }
            }
        }

        public Errno Receive(
            Span<byte> buffer, Span<int> descriptors, bool wait, out int descriptorCount, out int received)
        {
            descriptorCount = 0;
            received = 0;
            WaitReadable(wait ? Timeout.Infinite : 0);
            lock (_lock)
            {
                if (!IsReadable)
                {
                    return Errno.EAGAIN;
                }

                while (received < buffer.Length && descriptorCount == 0 && _pieces.TryPeek(out Piece piece))
                {
                    ReadOnlySpan<byte> left = piece.Bytes.AsSpan(_first);
                    int count = Math.Min(left.Length, buffer.Length - received);
                    left[..count].CopyTo(buffer[received..]);
                    if (_first == 0)
                    {
                        piece.Descriptors.CopyTo(descriptors);
                        descriptorCount = piece.Descriptors.Length;
                    }

                    received += count;
                    _length -= count;
                    _first = count == left.Length ? 0 : _first + count;
                    if (_first == 0)
                    {
                        _pieces.Dequeue();
                    }
                }

                Monitor.PulseAll(_lock);
                return Errno.None;
            }
        }

        public void WaitReadable(int milliseconds)
        {
            long end = Environment.TickCount64 + milliseconds;
            lock (_lock)
            {
                while (!IsReadable && Wait(milliseconds < 0 ? int.MaxValue : end - Environment.TickCount64))
                {
                }
            }
        }

        public void WaitUnlessPaused()
        {
            lock (_lock)
            {
                while ((!IsReadable || _isPaused) && !_ended)
                {
                    Monitor.Wait(_lock);
                }
            }
        }

        public void SetPaused(bool isPaused)
        {
            lock (_lock)
            {
                _isPaused = isPaused;
                Monitor.PulseAll(_lock);
            }
        }

        public void End()
        {
            lock (_lock)
            {
                _ended = true;
                Monitor.PulseAll(_lock);
            }
        }

        /// <summary>Closes the descriptors that nobody received.</summary>
        public void Drop()
        {
            lock (_lock)
            {
                if (_dropped)
                {
                    return;
                }

                _dropped = true;
                bool isPartial = _first > 0;
                foreach (Piece piece in _pieces)
                {
                    Array.ForEach(isPartial ? [] : piece.Descriptors, static descriptor => _ = LibC.close(descriptor));
                    isPartial = false;
                }

                _pieces.Clear();
                _length = 0;
            }
        }

        private static int[] Copy(ReadOnlySpan<int> descriptors)
        {
            int[] copies = new int[descriptors.Length];
            for (int i = 0; i < copies.Length; i++)
            {
                copies[i] = LibC.fcntl(descriptors[i], LibC.F_DUPFD_CLOEXEC, 0);
                if (copies[i] < 0)
                {
                    throw LinuxException.FromLastError("copy a descriptor");
                }
            }

            return copies;
        }

        private bool Wait(long milliseconds) =>
            milliseconds > 0 && Monitor.Wait(_lock, (int)Math.Min(milliseconds, int.MaxValue));

        private readonly record struct Piece(byte[] Bytes, int[] Descriptors);
    }
}
