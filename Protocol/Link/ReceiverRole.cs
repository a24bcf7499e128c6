using EpfTest.Protocol.Link.Transport;

namespace EpfTest.Protocol.Link;

/// <summary>
/// Decides which thread receives from the link: the one in <see cref="Run"/>, or one that waits for a completion, which
/// saves waking it. "The receiving thread" is the one that holds this role.
/// </summary>
internal sealed class ReceiverRole(IFrameTransport transport, Func<Transfer?, bool> receive)
{
    private readonly Lock _lock = new();
    private bool _ended;

    /// <summary>Whether the calling thread is the receiving thread.</summary>
    public bool IsMine => _lock.IsHeldByCurrentThread;

    /// <summary>Receives until the link ends. Gives the role away while it waits.</summary>
    public void Run()
    {
        while (true)
        {
            lock (_lock)
            {
                if (!Receive(null))
                {
                    return;
                }
            }

            transport.WaitUnlessPaused();
        }
    }

    /// <summary>
    /// Receives until the requests of a transfer are done, their time is up, or the link has ended; not at all if
    /// another thread receives.
    /// </summary>
    public void RunUntilDone(Transfer transfer)
    {
        if (!_lock.TryEnter())
        {
            return;
        }

        try
        {
            if (_ended)
            {
                return;
            }

            transport.Pause();
            var spin = new SpinWait();
            while (Receive(transfer) && !transfer.IsDone && transfer.TimeLeft is > 0 and int left)
            {
                if (spin.Count < Transfer.Yields)
                {
                    spin.SpinOnce(sleep1Threshold: -1);
                }
                else
                {
                    transport.WaitReadable(left);
                }
            }

            transport.Resume();
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>On return nobody receives, and nobody will.</summary>
    public void End()
    {
        lock (_lock)
        {
            _ended = true;
        }
    }

    /// <param name="transfer">What is left once it is done is for another thread; null to go on.</param>
    private bool Receive(Transfer? transfer)
    {
        _ended = _ended || !receive(transfer);
        return !_ended;
    }
}
