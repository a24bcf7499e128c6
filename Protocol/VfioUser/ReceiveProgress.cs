using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>
/// Tells other threads how far the one that serves a client has got with what that client has sent, so that what the
/// client did after a posted write is not acted upon before it.
/// </summary>
/// <remarks>
/// What has been sent is what was taken from the socket and what is still in there, and both are looked at while no
/// receive is under way: bytes in the middle of one are in neither. So the serving thread first waits until something
/// is there, and then says that it receives, which takes a system call more for each receive.
/// </remarks>
internal sealed class ReceiveProgress(UnixSocket socket)
{
    private readonly object _lock = new();

    // Odd while a receive is under way.
    private int _sequence;
    private long _taken;
    private long _handled;
    private volatile bool _done;
    private bool _answering;
    private int _waiting;

    [ThreadStatic]
    private static ReceiveProgress? s_ofThread;

    /// <summary>
    /// The client waits for an answer to the command at hand: what it sent before has been carried out. Set before that
    /// is looked at, and cleared before the answer goes out.
    /// </summary>
    public bool IsAnswering
    {
        set
        {
            _answering = value;
            SetDone(value);
        }
    }

    /// <summary>
    /// The calling thread begins, or ends, to wait for the other side of the link. If it serves a client, what that one
    /// has sent counts as carried out meanwhile: the other side may be waiting for a completion that is held back for
    /// it.
    /// </summary>
    public static void ThreadWaits(bool waits)
    {
        if (s_ofThread is { } progress)
        {
            progress.SetDone(waits || progress._answering);
        }
    }

    /// <summary>The calling thread serves the client, or does no more.</summary>
    public void SetServing(bool serving) => s_ofThread = serving ? this : null;

    /// <summary>Waits until there is something to receive. For the serving thread, as all that follows.</summary>
    public void AwaitInput()
    {
        socket.WaitReadable();
        Interlocked.Increment(ref _sequence);
    }

    /// <summary>So many bytes were received.</summary>
    public void Received(int bytes)
    {
        Volatile.Write(ref _taken, _taken + bytes);
        Volatile.Write(ref _sequence, _sequence + 1);
    }

    /// <summary>A message of so many bytes has been carried out.</summary>
    public void Handled(int bytes)
    {
        Volatile.Write(ref _handled, _handled + bytes);
        WakeUp();
    }

    /// <summary>Whether the client has sent something that has not been carried out. For any other thread.</summary>
    public bool HasPendingPostedWrites() => !TryFindEnd(out long end) || !HasReached(end);

    /// <summary>Waits until what the client has sent before this call has been carried out.</summary>
    /// <returns>False where that took longer than the limit.</returns>
    public bool DrainPostedWrites(TimeSpan limit)
    {
        long deadline = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        long end;
        while (!TryFindEnd(out end))
        {
            // A receive does not take long, as it does not wait.
            Thread.Yield();
        }

        lock (_lock)
        {
            _waiting++;
            try
            {
                while (!HasReached(end))
                {
                    Interlocked.MemoryBarrier();
                    long left = deadline - Environment.TickCount64;
                    if (HasReached(end))
                    {
                        break;
                    }

                    if (left <= 0 || !Monitor.Wait(_lock, (int)left))
                    {
                        return HasReached(end);
                    }
                }
            }
            finally
            {
                _waiting--;
            }
        }

        return true;
    }

    /// <summary>Ends every wait: the client is gone.</summary>
    public void End() => Handled(int.MaxValue);

    private bool TryFindEnd(out long end)
    {
        int sequence = Volatile.Read(ref _sequence);
        end = socket.Readable;
        end += Volatile.Read(ref _taken);
        Interlocked.MemoryBarrier();
        return sequence % 2 == 0 && Volatile.Read(ref _sequence) == sequence;
    }

    private bool HasReached(long end) => Volatile.Read(ref _handled) >= end || _done;

    private void SetDone(bool done)
    {
        _done = done;
        if (done)
        {
            WakeUp();
        }
    }

    private void WakeUp()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _waiting) > 0)
        {
            lock (_lock)
            {
                Monitor.PulseAll(_lock);
            }
        }
    }
}
