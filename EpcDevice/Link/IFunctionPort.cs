using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Link;

/// <summary>One function's way to the host: its memory requests, interrupts and messages.</summary>
/// <remarks>For any thread, but never with the controller's lock held: <see cref="Read"/> and
/// <see cref="InboundChanging"/> wait for the other process, <see cref="SetBusMaster"/> for threads that send to it,
/// and its frames arrive on a thread that may be waiting for that lock. Every wait has a limit.</remarks>
internal interface IFunctionPort
{
    /// <summary>
    /// Whether the function may issue memory requests; at first it may not. On return from clearing it, none of its
    /// writes is under way: each has arrived, or has been sent and arrives before what is sent from now on.
    /// </summary>
    void SetBusMaster(bool enabled);

    /// <summary>Memory read requests.</summary>
    /// <param name="address">Host bus address.</param>
    /// <param name="destination">Filled; contents are undefined on failure.</param>
    RequestStatus Read(ulong address, Span<byte> destination);

    /// <summary>Sends memory read requests whose data goes to <paramref name="target"/> as it arrives.</summary>
    /// <param name="address">Host bus address.</param>
    /// <param name="length">The most bytes; how many are being read.</param>
    /// <param name="target">Takes the data; perhaps not all on failure.</param>
    /// <returns>What to await; none where <see cref="Read"/> must be used.</returns>
    PendingRead BeginRead(ulong address, ref int length, IReadTarget target);

    /// <summary>
    /// Memory write requests: posted, so success says only that no later write, read or interrupt passes them.
    /// </summary>
    /// <param name="address">Host bus address.</param>
    /// <param name="source">What to write.</param>
    RequestStatus Write(ulong address, ReadOnlySpan<byte> source);

    /// <summary>Leases shared host memory, to copy in place. Waits for nothing.</summary>
    /// <param name="address">Host bus address.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">What is done with them.</param>
    /// <returns>As many bytes as lie together; none where <see cref="Read"/> or <see cref="Write"/> would fail, or
    /// reach the memory by other means.</returns>
    MemoryLease Lease(ulong address, int wanted, DmaAccess access);

    /// <summary>
    /// Finds the files that hold a range of host memory, where it is shared for reading and writing, cannot shrink, and
    /// is not in huge pages. Waits for nothing.
    /// </summary>
    /// <param name="address">Host bus address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="parts">Takes what was found, in the order of addresses; the descriptors are the caller's.</param>
    /// <returns>Whether all of the range was found.</returns>
    bool TryResolve(ulong address, ulong size, List<HostMapping> parts);

    /// <summary>Sends an interrupt that the host has enabled, after all earlier writes.</summary>
    void SendInterrupt(InterruptKind kind, int vector);

    /// <summary>Sends Assert_INTx or Deassert_INTx, after all earlier writes.</summary>
    void SendIntx(bool asserted);

    /// <summary>Sends ERR_COR, ERR_NONFATAL or ERR_FATAL.</summary>
    void SendError(ErrorMessage error);

    /// <summary>
    /// A BAR's inbound translations are about to change: on return the bridge uses them no more, and every access of
    /// the host arrives as a TLP until <see cref="InboundChanged"/>.
    /// </summary>
    /// <returns>False where the host's QEMU has the BAR mapped and goes on using the old ones.</returns>
    bool InboundChanging(int bar);

    /// <summary>A BAR's inbound translations have changed; the bridge may use them again.</summary>
    void InboundChanged(int bar);
}
