using EpfTest.Protocol.Link;
using EpfTest.Protocol.Memory;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;

namespace EpfTest.EpcDevice.Link;

/// <summary>
/// The way from the controller to the host: what the controller's registers, windows and DMA engine ask for. Implemented
/// by the link to EpfBridge.
/// </summary>
/// <remarks>
/// Functions are named by their block's number. Members may be called by any thread, but never with the controller's
/// lock held: <see cref="Read"/>, <see cref="InboundChanging"/> and <see cref="SetLink"/> wait for the other process,
/// <see cref="SetBusMaster"/> for those that send to it, and its frames arrive on a thread that may be waiting for that lock. Every wait has a limit.
/// </remarks>
internal interface IHostLink
{
    /// <summary>
    /// Trains the link or takes it down. Up: the bridge is told of every function and offers them to the host. Down:
    /// the host loses its devices; returns when nothing of the host's is under way any more.
    /// </summary>
    void SetLink(bool up);

    /// <summary>
    /// Whether the thread that serves the EP guest waits for a request to the host, its own or a DMA channel's. Said by that
    /// thread. What the host asks of memory that the EP guest's QEMU does not share cannot be answered meanwhile.
    /// </summary>
    bool GuestWaits { set; }

    /// <summary>
    /// Whether a function may issue memory requests; at first it may not. On return from taking that away none of its
    /// writes is under way any more: each has arrived, or has been sent and arrives before what is sent from now on.
    /// </summary>
    void SetBusMaster(int function, bool enabled);

    /// <summary>A memory read request of a function.</summary>
    /// <param name="function">Whose requester ID is used.</param>
    /// <param name="address">Host bus address, in bytes.</param>
    /// <param name="destination">Filled; contents are undefined where the result is an error.</param>
    /// <returns><see cref="RequestStatus.UnsupportedRequest"/> for Unsupported Request, <see cref="RequestStatus.CompletionTimeout"/> for a completion
    /// time-out, <see cref="RequestStatus.NotBusMaster"/> where it may not issue any, <see cref="RequestStatus.LinkDown"/> while the link is
    /// down.</returns>
    RequestStatus Read(int function, ulong address, Span<byte> destination);

    /// <summary>Whether reads travel as requests of which several may be under way.</summary>
    bool ReadsAhead { get; }

    /// <summary>Sends memory read requests of a function whose data is put where it belongs as it comes.</summary>
    /// <param name="function">Whose requester ID is used.</param>
    /// <param name="address">Host bus address, in bytes.</param>
    /// <param name="length">The most bytes; how many are read.</param>
    /// <param name="target">Takes the data; perhaps not all where there is an error.</param>
    /// <returns>What is to be awaited, with the errors of <see cref="Read"/>; none where it takes that.</returns>
    PendingRead BeginRead(int function, ulong address, ref int length, IReadTarget target);

    /// <summary>
    /// A memory write request of a function: posted, so success says only that no later write, read or interrupt
    /// passes it.
    /// </summary>
    /// <param name="function">Whose requester ID is used.</param>
    /// <param name="address">Host bus address, in bytes.</param>
    /// <param name="source">What to write.</param>
    /// <returns>As for <see cref="Read"/>, as far as it is known at once.</returns>
    RequestStatus Write(int function, ulong address, ReadOnlySpan<byte> source);

    /// <summary>Leases memory of the host that is mapped here, so that it can be copied in place. Waits for nobody.</summary>
    /// <param name="function">Whose requests would go there.</param>
    /// <param name="address">Host bus address, in bytes.</param>
    /// <param name="wanted">The most bytes.</param>
    /// <param name="access">What is to be done with them.</param>
    /// <returns>As many bytes as lie together; none where <see cref="Read"/> or <see cref="Write"/> would fail, or would
    /// reach the memory by other means.</returns>
    MemoryLease Lease(int function, ulong address, int wanted, DmaAccess access);

    /// <summary>
    /// Finds the files that hold a range of host memory, where the host's QEMU shares it for reading and writing and it
    /// cannot shrink. Waits for nobody.
    /// </summary>
    /// <param name="function">Whose requests would go there.</param>
    /// <param name="address">Host bus address, in bytes.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="parts">Takes what was found, in the order of addresses; the descriptors are the caller's.</param>
    /// <returns>Whether all of the range was found.</returns>
    bool TryResolve(int function, ulong address, ulong size, List<HostMapping> parts);

    /// <summary>Whether the link is up and <see cref="TryResolve"/> finds nothing, since the host's QEMU shares no memory.</summary>
    bool HidesMemory { get; }

    /// <summary>Sends an MSI, after all earlier writes. The caller has checked that the host enabled it.</summary>
    void SendMsi(int function, int vector);

    /// <summary>Sends an MSI-X, after all earlier writes. The caller has checked that the host enabled it.</summary>
    void SendMsix(int function, int vector);

    /// <summary>Sends Assert_INTx or Deassert_INTx, after all earlier writes.</summary>
    void SendIntx(int function, bool asserted);

    /// <summary>Sends ERR_COR, ERR_NONFATAL or ERR_FATAL.</summary>
    void SendError(int function, ErrorMessage error);

    /// <summary>
    /// A BAR's inbound translations are about to change: on return the bridge goes through them no more, and every
    /// access of the host arrives as a TLP until <see cref="InboundChanged"/>.
    /// </summary>
    /// <returns>False where the host's QEMU has the BAR mapped: it then goes on using what there is.</returns>
    bool InboundChanging(int function, int bar);

    /// <summary>A BAR's inbound translations have changed; the bridge may use them again.</summary>
    void InboundChanged(int function, int bar);
}
