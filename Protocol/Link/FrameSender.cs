using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Sends frames in the order in which they were given. What the socket does not take at once waits in a buffer that a
/// thread of its own empties, so the receiving thread, which answers requests, never waits for the other side to read:
/// both sides' receivers waiting for each other would be the end of the link. The thread is made when it is first needed.
/// </summary>
internal sealed class FrameSender : IDisposable
{
    // Others wait from the first on; at the second the other side has plainly stopped reading.
    private const int HighWater = 1 << 20;
    private const int Limit = 16 << 20;
    private const int FirstCapacity = 64 << 10;

    private readonly UnixSocket _socket;
    private readonly TimeSpan _waitLimit;
    private readonly object _lock = new();
    private Thread? _thread;
    private byte[] _waiting = [];
    private byte[] _sending = [];
    private int _waitingLength;
    private bool _busy;
    private bool _closed;

    /// <summary>Sends to <paramref name="socket"/>, which stays the caller's.</summary>
    /// <param name="socket">A connected socket.</param>
    /// <param name="waitLimit">How long a sender waits for the other side to read.</param>
    public FrameSender(UnixSocket socket, TimeSpan waitLimit)
    {
        _socket = socket;
        _waitLimit = waitLimit;
    }

    /// <summary>Sends whole frames.</summary>
    /// <param name="frames">One or more frames.</param>
    /// <param name="mayWait">False for the receiving thread.</param>
    /// <returns>False where the link has failed.</returns>
    public bool Send(ReadOnlySpan<byte> frames, bool mayWait)
    {
        lock (_lock)
        {
            if (!_busy && !_closed)
            {
                if (_socket.TrySend(frames, [], out int sent) != Errno.None)
                {
                    return false;
                }

                frames = frames[sent..];
                if (frames.IsEmpty)
                {
                    return true;
                }
            }

            Append(frames);
            return !_closed && (!mayWait || WaitUntilBelow(HighWater));
        }
    }

    /// <summary>Sends one frame with a descriptor. Not for the receiving thread.</summary>
    public bool Send(ReadOnlySpan<byte> frame, FileDescriptor descriptor)
    {
        long end = Environment.TickCount64 + (long)_waitLimit.TotalMilliseconds;
        lock (_lock)
        {
            while (WaitUntilBelow(0) && Environment.TickCount64 < end)
            {
                // A frame of a few bytes goes whole or not at all.
                if (_socket.TrySend(frame, [descriptor.Number], out int sent) != Errno.None)
                {
                    return false;
                }

                if (sent == frame.Length)
                {
                    return true;
                }

                // The socket is full; the receiving thread must have the lock meanwhile.
                Monitor.Wait(_lock, 1);
            }

            // The other side does not learn of what it should know.
            Fail();
            return false;
        }
    }

    /// <summary>Sends one frame with a descriptor if that can be done at once. For any thread.</summary>
    /// <returns>Whether it was sent.</returns>
    public bool TrySend(ReadOnlySpan<byte> frame, FileDescriptor descriptor)
    {
        lock (_lock)
        {
            // A frame of a few bytes goes whole or not at all.
            return !_busy
                && !_closed
                && _socket.TrySend(frame, [descriptor.Number], out int sent) == Errno.None
                && sent == frame.Length;
        }
    }

    /// <summary>Ends the thread; the socket has been shut down.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            Monitor.PulseAll(_lock);
        }

        // Made under the lock, and not once it is closed.
        _thread?.Join();
    }

    /// <summary>Ends the link: the receiving thread notices. The lock is held.</summary>
    private void Fail()
    {
        if (!_closed)
        {
            _closed = true;
            _socket.Shutdown();
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until fewer bytes wait, or for 0 until all have been sent. The lock is held.</summary>
    private bool WaitUntilBelow(int bytes)
    {
        long end = Environment.TickCount64 + (long)_waitLimit.TotalMilliseconds;
        while (!_closed && _busy && _waitingLength >= bytes)
        {
            long left = end - Environment.TickCount64;
            if (left <= 0 || !Monitor.Wait(_lock, (int)left))
            {
                return false;
            }
        }

        return !_closed;
    }

    private void Append(ReadOnlySpan<byte> frames)
    {
        if (_closed)
        {
            return;
        }

        if (_waitingLength + frames.Length > Limit)
        {
            Fail();
            return;
        }

        if (_waitingLength + frames.Length > _waiting.Length)
        {
            Array.Resize(
                ref _waiting, Math.Max(Math.Max(_waiting.Length * 2, FirstCapacity), _waitingLength + frames.Length));
        }

        if (_thread is null)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "link sender" };
            _thread.Start();
        }

        frames.CopyTo(_waiting.AsSpan(_waitingLength));
        _waitingLength += frames.Length;
        _busy = true;
        Monitor.PulseAll(_lock);
    }

    private void Run()
    {
        while (true)
        {
            int length;
            lock (_lock)
            {
                if (_waitingLength == 0)
                {
                    _busy = false;
                    Monitor.PulseAll(_lock);
                }

                while (_waitingLength == 0 && !_closed)
                {
                    Monitor.Wait(_lock);
                }

                if (_closed)
                {
                    return;
                }

                (_waiting, _sending) = (_sending, _waiting);
                length = _waitingLength;
                _waitingLength = 0;
            }

            if (_socket.Send(_sending.AsSpan(0, length)) != Errno.None)
            {
                lock (_lock)
                {
                    Fail();
                }

                return;
            }
        }
    }
}
