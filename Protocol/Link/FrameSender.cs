using EpfTest.Protocol.Link.Transport;
using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Sends frames in the order in which they were given. What the transport does not accept at once waits in a buffer
/// that a thread of its own empties: the receiving thread, which answers requests, must not wait for the other side to
/// read, since both sides' receivers would then wait for each other. The thread starts when it is first needed.
/// </summary>
internal sealed class FrameSender(IFrameTransport transport, LinkTimeouts timeouts, TlpTrace trace) : IDisposable
{
    // From the first on, senders wait; at the second the other side has stopped reading.
    private const int HighWater = 1 << 20;
    private const int Limit = 16 << 20;
    private const int FirstCapacity = 64 << 10;

    private readonly object _lock = new();
    private Thread? _thread;
    private byte[] _waiting = [];
    private byte[] _sending = [];
    private int _waitingLength;
    private bool _busy;
    private bool _closed;

    /// <summary>Sends one or more whole frames.</summary>
    /// <param name="mayWait">False for the receiving thread.</param>
    /// <returns>False if the link has failed.</returns>
    public bool Send(ReadOnlySpan<byte> frames, bool mayWait)
    {
        if (trace.IsOn)
        {
            trace.Sent(frames);
        }

        lock (_lock)
        {
            if (!_busy && !_closed)
            {
                if (transport.TrySend(frames, null, out int sent) != Errno.None)
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
        long end = Environment.TickCount64 + (long)timeouts.Room.TotalMilliseconds;
        lock (_lock)
        {
            while (WaitUntilBelow(0) && Environment.TickCount64 < end)
            {
                if (transport.TrySend(frame, descriptor, out int sent) != Errno.None)
                {
                    return false;
                }

                if (sent == frame.Length)
                {
                    return true;
                }

                // There is no room; the receiving thread must have the lock meanwhile.
                Monitor.Wait(_lock, 1);
            }

            // Without this frame the two sides would disagree.
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
            return !_busy
                && !_closed
                && transport.TrySend(frame, descriptor, out int sent) == Errno.None
                && sent == frame.Length;
        }
    }

    /// <summary>Ends the thread; the transport has been shut down.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            Monitor.PulseAll(_lock);
        }

        // It is started under the lock, and not once the sender is closed.
        _thread?.Join();
    }

    /// <summary>Ends the link, which the receiving thread notices. The lock is held.</summary>
    private void Fail()
    {
        if (!_closed)
        {
            _closed = true;
            transport.Shutdown();
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until fewer bytes wait; with 0, until all have been sent. The lock is held.</summary>
    private bool WaitUntilBelow(int bytes)
    {
        long end = Environment.TickCount64 + (long)timeouts.Room.TotalMilliseconds;
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

        int needed = _waitingLength + frames.Length;
        if (needed > Limit)
        {
            Fail();
            return;
        }

        if (needed > _waiting.Length)
        {
            Array.Resize(ref _waiting, Math.Max(Math.Max(_waiting.Length * 2, FirstCapacity), needed));
        }

        if (_thread is null)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "link sender" };
            _thread.Start();
        }

        frames.CopyTo(_waiting.AsSpan(_waitingLength));
        _waitingLength = needed;
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

            if (transport.Send(_sending.AsSpan(0, length), timeouts.Send) != Errno.None)
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
