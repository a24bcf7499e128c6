namespace EpfTest.EpcDevice.Link;

/// <summary>
/// Detects that the two guests' QEMUs wait for each other: the EP guest waits for the host's QEMU, and an access of the
/// host waits for private memory of the EP guest. EpcDevice gives way (docs/link-protocol.md, "Deadlock breaking").
/// </summary>
/// <remarks>For any thread. Each party publishes its own wait before checking the others', so the last one to arrive
/// always sees the cycle.</remarks>
/// <param name="breakDeadlock">Called by the thread that closed the cycle.</param>
internal sealed class DeadlockBreaker(Action breakDeadlock)
{
    private int _guestWaits;
    private int _requests;

    /// <summary>Whether the thread that serves the EP guest waits for the host, or for a thread that may.</summary>
    public bool GuestWaits
    {
        set
        {
            Volatile.Write(ref _guestWaits, value ? 1 : 0);
            Check();
        }
    }

    /// <summary>A request begins that needs the host's QEMU, or its accesses to end.</summary>
    public void BeginRequest()
    {
        Interlocked.Increment(ref _requests);
        Check();
    }

    /// <summary>The request has ended.</summary>
    public void EndRequest() => Interlocked.Decrement(ref _requests);

    /// <summary>To be called after queueing a request that waits for the EP guest's QEMU.</summary>
    public void Check()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _guestWaits) != 0 && Volatile.Read(ref _requests) != 0)
        {
            breakDeadlock();
        }
    }
}
