using System.Buffers;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>
/// The queue of one function's requests that a QEMU must answer. Its own thread carries them out in order, so that the
/// receiving thread waits for no QEMU.
/// </summary>
/// <remarks>
/// Only the receiving thread adds. A request that may not pass one that is still queued must be queued behind it.
/// Completions are never queued: a QEMU may be blocked until its vCPU gets that completion, and answers nothing before.
/// The thread starts with the first request.
/// </remarks>
internal sealed class SlowPath : IDisposable
{
    /// <summary>The most requests that wait. A well-behaved peer leaves fewer than that unfinished.</summary>
    public const int Capacity = 1 << 16;

    private readonly TlpAction _carryOut;
    private readonly object _lock = new();
    private readonly Queue<Request> _waiting = new();
    private Thread? _thread;
    private TlpHeader _begun;
    private bool _isBegun;
    private bool _isAnswered;
    private int _unfinished;
    private bool _ended;

    /// <param name="carryOut">Carries out a request; called by the thread of this queue.</param>
    public SlowPath(TlpAction carryOut) => _carryOut = carryOut;

    public delegate bool TlpPredicate(in TlpHeader header);

    public delegate void TlpAction(in TlpHeader header, ReadOnlySpan<byte> payload);

    /// <summary>Whether every request that was added has been carried out. For the receiving thread.</summary>
    public bool IsEmpty => Volatile.Read(ref _unfinished) == 0;

    /// <summary>Adds a request or message. Does not block.</summary>
    /// <returns>False on queue overflow: the peer sends requests without awaiting their completions.</returns>
    public bool TryAdd(in TlpHeader header, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            if (_waiting.Count == Capacity)
            {
                return false;
            }

            if (_ended)
            {
                return true;
            }

            byte[] copy = payload.IsEmpty ? [] : ArrayPool<byte>.Shared.Rent(payload.Length);
            payload.CopyTo(copy);
            _waiting.Enqueue(new Request(header, copy, payload.Length));
            Volatile.Write(ref _unfinished, _unfinished + 1);
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "slow path" };
                _thread.Start();
            }

            Monitor.Pulse(_lock);
            return true;
        }
    }

    /// <summary>Drops the waiting requests when the function is reset. The one at hand goes on: QEMU has it.</summary>
    /// <param name="refuse">Called for each. A request must still be completed, so that its tag becomes free.</param>
    public void Cancel(TlpAction refuse)
    {
        Request[] cancelled;
        lock (_lock)
        {
            cancelled = [.. _waiting];
            _waiting.Clear();
            Volatile.Write(ref _unfinished, _unfinished - cancelled.Length);
        }

        foreach (Request request in cancelled)
        {
            refuse(request.Header, request.Payload);
            request.Release();
        }
    }

    /// <summary>
    /// Answers the non-posted requests that are stuck, and those behind them, to break a deadlock: their requesters
    /// block what this queue waits for. Posted requests stay queued.
    /// </summary>
    /// <param name="isStuck">Whether a request waits for something blocked; called with this queue's lock held.</param>
    /// <param name="answer">Called for each. The one at hand goes on, and its result is discarded.</param>
    public void AnswerStuck(TlpPredicate isStuck, TlpAction answer)
    {
        List<TlpHeader>? answered = null;
        lock (_lock)
        {
            bool stuck = _isBegun && isStuck(_begun);
            if (stuck && _begun.IsNonPosted && !_isAnswered)
            {
                _isAnswered = true;
                (answered ??= []).Add(_begun);
            }

            for (int left = _waiting.Count; left > 0; left--)
            {
                Request request = _waiting.Dequeue();
                stuck |= isStuck(request.Header);
                if (!stuck || !request.Header.IsNonPosted)
                {
                    _waiting.Enqueue(request);
                    continue;
                }

                (answered ??= []).Add(request.Header);
                request.Release();
                Volatile.Write(ref _unfinished, _unfinished - 1);
            }
        }

        foreach (TlpHeader header in answered ?? [])
        {
            answer(header, []);
        }
    }

    /// <summary>Claims the answer to the request at hand. For the thread of this queue.</summary>
    /// <returns>False if <see cref="AnswerStuck"/> has answered it.</returns>
    public bool TryAnswer()
    {
        lock (_lock)
        {
            bool first = !_isAnswered;
            _isAnswered = true;
            return first;
        }
    }

    /// <summary>Drops the waiting requests and ends the thread, without a join: it may be waiting for a QEMU.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            Monitor.Pulse(_lock);
        }

        Cancel(static (in TlpHeader _, ReadOnlySpan<byte> _) => { });
    }

    private void Run()
    {
        while (TryTake(out Request request))
        {
            _carryOut(request.Header, request.Payload);
            request.Release();
            lock (_lock)
            {
                _isBegun = false;
                Volatile.Write(ref _unfinished, _unfinished - 1);
            }
        }
    }

    private bool TryTake(out Request request)
    {
        lock (_lock)
        {
            while (!_waiting.TryDequeue(out request))
            {
                if (_ended)
                {
                    return false;
                }

                Monitor.Wait(_lock);
            }

            _begun = request.Header;
            _isBegun = true;
            _isAnswered = false;
            return true;
        }
    }

    private readonly record struct Request(TlpHeader Header, byte[] Data, int Length)
    {
        public ReadOnlySpan<byte> Payload => Data.AsSpan(0, Length);

        public void Release()
        {
            if (Data.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(Data);
            }
        }
    }
}
