namespace EpfTest.EpcDevice.Outbound;

/// <summary>Runs reconciliations, one after the other, on a thread of its own, and calls back who awaits one.</summary>
/// <remarks>
/// A reconciliation compares what should be with what is, so one covers every request made before it began. It may wait
/// for the EP guest's QEMU, which an access of that guest to a register holds up: so only this thread waits for it, and
/// all others are called back. The lock is held for a few instructions, and nothing is called under it.
/// </remarks>
/// <param name="changed">Called by the thread after each reconciliation, after those who await it.</param>
internal sealed class Reconciler(Action changed) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _wake = new(0);
    private readonly List<(long Request, Action Then)> _waiting = [];
    private Thread? _thread;
    private long _requested;
    private long _done;
    private bool _keepsNobodyWaiting;
    private bool _stopping;

    /// <summary>Whether a requested reconciliation is not done yet.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_lock)
            {
                return _done < _requested;
            }
        }
    }

    /// <summary>Starts the thread.</summary>
    /// <param name="reconcile">
    /// Gets the last request that it covers. Returns false where QEMU does not answer, and null where it was overtaken
    /// by a change that has requested another reconciliation.
    /// </param>
    public void Start(Func<long, bool?> reconcile)
    {
        _thread = new Thread(() => Run(reconcile)) { IsBackground = true, Name = "window" };
        _thread.Start();
    }

    /// <summary>Requests a reconciliation, which will see all that was changed before this call.</summary>
    /// <returns>The number of the request; they increase.</returns>
    public long Request()
    {
        lock (_lock)
        {
            return RequestLocked();
        }
    }

    /// <summary>Requests a reconciliation and calls <paramref name="then"/> by the thread when it is done.</summary>
    public void Request(Action then)
    {
        bool now;
        lock (_lock)
        {
            long request = RequestLocked();
            now = _keepsNobodyWaiting || _stopping;
            if (!now)
            {
                _waiting.Add((request, then));
            }
        }

        if (now)
        {
            then();
        }
    }

    /// <summary>Calls back at once, before the reconciliation, all who wait now and all who ask until
    /// <see cref="ResumeWaiting"/>.</summary>
    public void SuspendWaiting()
    {
        Action[] then;
        lock (_lock)
        {
            _keepsNobodyWaiting = true;
            then = [.. _waiting.Select(static waiting => waiting.Then)];
            _waiting.Clear();
        }

        Array.ForEach(then, static action => action());
    }

    /// <summary>Ends <see cref="SuspendWaiting"/>.</summary>
    public void ResumeWaiting()
    {
        lock (_lock)
        {
            _keepsNobodyWaiting = false;
        }
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
            _wake.Release();
        }

        _thread?.Join();
        _wake.Dispose();
    }

    private long RequestLocked()
    {
        if (!_stopping)
        {
            _wake.Release();
        }

        return ++_requested;
    }

    private void Run(Func<long, bool?> reconcile)
    {
        while (true)
        {
            _wake.Wait();
            long request;
            lock (_lock)
            {
                if (_stopping)
                {
                    return;
                }

                request = _requested;
                if (_done == request)
                {
                    continue;
                }
            }

            if (reconcile(request) is { } settled)
            {
                Complete(request, settled);
            }
        }
    }

    private void Complete(long request, bool settled)
    {
        Action[] then;
        lock (_lock)
        {
            // Without an answer of QEMU nobody is told that a mapping has gone: the link goes down by that.
            then = settled
                ? [.. _waiting.Where(waiting => waiting.Request <= request).Select(static waiting => waiting.Then)]
                : [];
            _waiting.RemoveAll(waiting => waiting.Request <= request);
            _done = request;
        }

        Array.ForEach(then, static action => action());
        changed();
    }
}
