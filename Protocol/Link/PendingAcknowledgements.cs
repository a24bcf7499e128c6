namespace EpfTest.Protocol.Link;

/// <summary>The link requests that the other side has not acknowledged yet. For any thread.</summary>
internal sealed class PendingAcknowledgements
{
    private readonly Lock _lock = new();
    private readonly Dictionary<uint, ManualResetEventSlim> _waiters = [];
    private uint _lastToken;

    /// <summary>Expects an acknowledgement, which sets <paramref name="waiter"/>.</summary>
    /// <returns>The token of the request.</returns>
    public uint Add(ManualResetEventSlim waiter)
    {
        lock (_lock)
        {
            _waiters.Add(++_lastToken, waiter);
            return _lastToken;
        }
    }

    public void Remove(uint token)
    {
        lock (_lock)
        {
            _waiters.Remove(token);
        }
    }

    public void Acknowledge(uint token)
    {
        lock (_lock)
        {
            if (_waiters.TryGetValue(token, out ManualResetEventSlim? waiter))
            {
                waiter.Set();
            }
        }
    }

    /// <summary>Ends every wait: the link has ended.</summary>
    public void EndAll()
    {
        lock (_lock)
        {
            foreach (ManualResetEventSlim waiter in _waiters.Values)
            {
                waiter.Set();
            }
        }
    }
}
