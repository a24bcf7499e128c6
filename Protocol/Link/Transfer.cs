using EpfTest.Protocol.Pcie;

namespace EpfTest.Protocol.Link;

/// <summary>The requests that one caller waits for together. Its lock is the innermost one.</summary>
internal sealed class Transfer
{
    /// <summary>How often a waiting thread yields its core to the one that answers before it sleeps: cheaper.</summary>
    public const int Yields = 140;

    private readonly object _lock = new();
    private long _end;
    private int _pending;

    // The waiting thread is woken when no more than these are pending.
    private int _awaited;
    private RequestStatus _status;

    /// <summary>How the first request that failed has failed.</summary>
    public RequestStatus Status => _status;

    /// <summary>Milliseconds left for all requests together.</summary>
    public int TimeLeft => (int)Math.Max(_end - Environment.TickCount64, 0);

    /// <summary>Whether no request is pending.</summary>
    public bool IsDone => Volatile.Read(ref _pending) <= 0;

    /// <summary>Receives the data, unless each request has a destination of its own.</summary>
    public IReadTarget? Target { get; private set; }

    public void Begin(TimeSpan limit, IReadTarget? target)
    {
        Target = target;
        _pending = 0;
        _end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        _status = RequestStatus.Success;
    }

    public void Add()
    {
        lock (_lock)
        {
            _pending++;
        }
    }

    /// <summary>One request is done.</summary>
    /// <returns>Whether it was the last.</returns>
    public bool Finish(RequestStatus status)
    {
        lock (_lock)
        {
            if (_status == RequestStatus.Success)
            {
                _status = status;
            }

            Volatile.Write(ref _pending, _pending - 1);
            if (_pending <= _awaited)
            {
                Monitor.Pulse(_lock);
            }

            return _pending == 0;
        }
    }

    /// <summary>Waits until half of the requests are done, or for a millisecond: others may free tags, too.</summary>
    public void WaitForHalf()
    {
        lock (_lock)
        {
            _awaited = _pending / 2;
            Monitor.Wait(_lock, 1);
            _awaited = 0;
        }
    }

    /// <summary>Waits until all are done.</summary>
    /// <returns>False on timeout.</returns>
    public bool WaitForAll()
    {
        var spin = new SpinWait();
        while (!IsDone && spin.Count < Yields)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        lock (_lock)
        {
            while (_pending > 0)
            {
                if (TimeLeft is var left && (left == 0 || !Monitor.Wait(_lock, left)))
                {
                    return _pending <= 0;
                }
            }

            return true;
        }
    }
}
