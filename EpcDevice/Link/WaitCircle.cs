namespace EpfTest.EpcDevice.Link;

/// <summary>
/// Tells when the EP guest waits for the host's QEMU. What the host then asks of memory that the EP guest's QEMU does not
/// share waits for that guest, and the host's QEMU with it: a circle, of which nobody would get out before the time
/// limits. EpcDevice's side gives way (docs/link-protocol.md, "Waiting").
/// </summary>
/// <remarks>For any thread. Whatever closes the circle is seen by whoever comes last: each first says what it does, and
/// then looks at the others.</remarks>
/// <param name="giveWay">Called when the circle has closed, by the thread that closed it.</param>
internal sealed class WaitCircle(Action giveWay)
{
    private int _guestWaits;
    private int _requests;

    /// <summary>Whether the thread that serves the EP guest waits for the host, or for a thread that may.</summary>
    public bool GuestWaits
    {
        set
        {
            Volatile.Write(ref _guestWaits, value ? 1 : 0);
            GiveWayIfClosed();
        }
    }

    /// <summary>A request begins that takes the host's QEMU, or its accesses to end.</summary>
    public void BeginRequest()
    {
        Interlocked.Increment(ref _requests);
        GiveWayIfClosed();
    }

    /// <summary>It has ended.</summary>
    public void EndRequest() => Interlocked.Decrement(ref _requests);

    /// <summary>To be called once something has been added that waits for the EP guest's QEMU.</summary>
    public void GiveWayIfClosed()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _guestWaits) != 0 && Volatile.Read(ref _requests) != 0)
        {
            giveWay();
        }
    }
}
