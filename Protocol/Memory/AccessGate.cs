namespace EpfTest.Protocol.Memory;

/// <summary>
/// Finds the moment when the last access through a replaced translation has ended. An access enters, reads the current
/// translation, uses it and leaves, without waiting. A thread that replaces a translation waits in <see cref="Drain"/>
/// for the accesses that entered before.
/// </summary>
/// <remarks>
/// <para>Entering never blocks, not even during a drain. With a reader-writer lock, the thread that receives from the
/// link could wait behind a commit, which waits for a DMA thread, whose completion only that thread receives.</para>
/// <para>For the same reason, an access inside may wait for the link, whose waits have a limit, but not for private
/// memory of the EP guest: the draining thread is the one that serves that guest, and its QEMU may be waiting for
/// it.</para>
/// <para>Two counts take turns. An entry counts only if the turn is still the same after it was counted, so either the
/// drain, which ends the turn first, sees the entry, or the entry sees the drain.</para>
/// </remarks>
internal sealed class AccessGate
{
    private readonly Lock _draining = new();
    private readonly int[] _inside = new int[2];
    private int _turn;

    /// <summary>Begins an access; the translation is to be read afterwards.</summary>
    /// <returns>To be passed to <see cref="Leave"/>.</returns>
    public int Enter()
    {
        while (true)
        {
            int turn = Volatile.Read(ref _turn);
            Interlocked.Increment(ref _inside[turn & 1]);
            if (Volatile.Read(ref _turn) == turn)
            {
                return turn;
            }

            Interlocked.Decrement(ref _inside[turn & 1]);
        }
    }

    /// <summary>Ends the access that <see cref="Enter"/> began.</summary>
    public void Leave(int turn) => Interlocked.Decrement(ref _inside[turn & 1]);

    /// <summary>Waits until every access that entered before this call has left.</summary>
    /// <param name="waiting">If there is such an access, called with true before the wait and with false after
    /// it.</param>
    public void Drain(Action<bool>? waiting = null)
    {
        lock (_draining)
        {
            int ended = Interlocked.Increment(ref _turn) - 1;
            if (Volatile.Read(ref _inside[ended & 1]) == 0)
            {
                return;
            }

            waiting?.Invoke(true);
            var spin = new SpinWait();
            while (Volatile.Read(ref _inside[ended & 1]) != 0)
            {
                spin.SpinOnce();
            }

            waiting?.Invoke(false);
        }
    }
}
