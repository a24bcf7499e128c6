using System.Buffers;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Carries out requests of the other side that have to wait for a QEMU: in their order, on a thread of its own, so that
/// the thread that receives from the link waits for none.
/// </summary>
/// <remarks>
/// A lane is for one function, and the receiving thread alone adds to it. What may not pass a request that is still in
/// the lane has to go through it, too. Completions never do: a QEMU may be waiting for whoever awaits them, and does not
/// answer us before. The thread is made for the first request.
/// </remarks>
internal sealed class RequestLane : IDisposable
{
    /// <summary>The most requests that wait: the other side leaves fewer than that unfinished.</summary>
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

    /// <summary>An empty lane.</summary>
    /// <param name="carryOut">Carries out a request; called by the lane's thread.</param>
    public RequestLane(TlpAction carryOut) => _carryOut = carryOut;

    /// <summary>Says something of a request or message.</summary>
    public delegate bool TlpPredicate(in TlpHeader header);

    /// <summary>Deals with a request or message.</summary>
    public delegate void TlpAction(in TlpHeader header, ReadOnlySpan<byte> payload);

    /// <summary>Whether all that was added has been carried out. For the receiving thread, which alone adds.</summary>
    public bool IsEmpty => Volatile.Read(ref _unfinished) == 0;

    /// <summary>Adds a request or message. Waits for nobody.</summary>
    /// <returns>False where there is no room: the other side asks without waiting for answers.</returns>
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
                _thread = new Thread(Run) { IsBackground = true, Name = "lane" };
                _thread.Start();
            }

            Monitor.Pulse(_lock);
            return true;
        }
    }

    /// <summary>Drops what waits: its function was reset. What has been begun goes on, as QEMU has been asked.</summary>
    /// <param name="refuse">Called for each; a request has to be completed all the same, so that its tag is free.</param>
    public void Forget(TlpAction refuse)
    {
        Request[] forgotten;
        lock (_lock)
        {
            forgotten = [.. _waiting];
            _waiting.Clear();
            Volatile.Write(ref _unfinished, _unfinished - forgotten.Length);
        }

        foreach (Request request in forgotten)
        {
            refuse(request.Header, request.Payload);
            request.Release();
        }
    }

    /// <summary>
    /// Has those answered who wait for a completion that will not come before they have one: the requests that are stuck
    /// and what is behind them. Posted requests stay, and are carried out later.
    /// </summary>
    /// <param name="isStuck">Whether a request waits for what does not come; called with the lane's lock held.</param>
    /// <param name="answer">Called for each; what has been begun goes on, and nobody learns what it comes to.</param>
    public void Yield(TlpPredicate isStuck, TlpAction answer)
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

    /// <summary>Whether the request at hand still takes an answer, which is now the caller's to give. For the lane's
    /// thread.</summary>
    public bool TryAnswer()
    {
        lock (_lock)
        {
            bool first = !_isAnswered;
            _isAnswered = true;
            return first;
        }
    }

    /// <summary>Drops what waits and ends the thread, without waiting for it: it may be waiting for a QEMU.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            Monitor.Pulse(_lock);
        }

        Forget(static (in TlpHeader _, ReadOnlySpan<byte> _) => { });
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
