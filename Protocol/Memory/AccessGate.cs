namespace EpfTest.Protocol.Memory;

/// <summary>
/// Tells when the last access through a replaced translation has ended. Those who access publish nothing and wait for
/// nobody: they enter, read the current translation, use it, and leave. Who replaces one waits in <see cref="Drain"/>
/// for those that entered before.
/// </summary>
/// <remarks>
/// <para>Entering never blocks, also not while somebody drains; with a reader-writer lock the thread that receives from
/// the link could wait behind a commit, which waits for a DMA thread, whose completion that thread has to receive.</para>
/// <para>For the same reason, whoever is inside may wait only for what needs neither the draining thread, which is the
/// one that serves the EP guest, nor that guest's QEMU: for the link, whose waits have a limit, and never for memory
/// of the EP guest that is reached by messages.</para>
/// <para>Two counts take turns. An entry counts only if the turn is still the same once it is in the count, so that a
/// drain, which first ends the turn, sees it or is seen by it.</para>
/// </remarks>
internal sealed class AccessGate
{
    private readonly Lock _draining = new();
    private readonly int[] _inside = new int[2];
    private int _turn;

    /// <summary>Begins an access; read the translation after it.</summary>
    /// <returns>For <see cref="Leave"/>.</returns>
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

    /// <summary>Waits until every access that may have read what was replaced before this call has ended.</summary>
    /// <param name="waiting">Called with true if there is one, and with false when it has ended.</param>
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
