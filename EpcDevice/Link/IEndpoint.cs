using EpfTest.EpcDevice.Guest;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpcDevice.Link;

/// <summary>
/// The way from the host to the endpoint: what TLPs that arrive over the link do. Implemented by the controller.
/// </summary>
/// <remarks>Called by the thread that receives from the link, which must not wait for a QEMU, and by the slow paths of
/// functions: <see cref="ReadBar"/> and <see cref="WriteBar"/> wait for the EP guest's where <see cref="WaitsForGuest"/>
/// says so.</remarks>
internal interface IEndpoint
{
    /// <summary>How many function blocks there are.</summary>
    int FunctionCount { get; }

    /// <summary>
    /// The bridge has connected (PERST# is deasserted) or has gone (asserted; the link is then down, too).
    /// </summary>
    void HostPresenceChanged(bool present);

    /// <summary>The link has reached, or left, the state that <see cref="IHostLink.SetLink"/> asked for.</summary>
    void LinkChanged(bool up);

    /// <summary>Whether the host can see a function.</summary>
    bool Exists(int function);

    /// <summary>Another number whenever the host has moved, enabled or disabled BARs of a function.</summary>
    int BarGeneration(int function);

    /// <summary>What the host may know of a function, or null where there is none.</summary>
    FunctionDescription? Describe(int function);

    /// <summary>How large a function's requests may be, as the host set it: MPS and MRRS in bytes.</summary>
    (int MaxPayload, int MaxReadRequest) TransferLimits(int function);

    /// <summary>CfgRd0. A function that is not there reads all ones.</summary>
    /// <param name="function">The function block.</param>
    /// <param name="offset">Bytes, a multiple of 4, below 4096.</param>
    uint ReadConfig(int function, int offset);

    /// <summary>CfgWr0.</summary>
    /// <param name="function">The function block.</param>
    /// <param name="offset">Bytes, a multiple of 4, below 4096.</param>
    /// <param name="value">What to write.</param>
    /// <param name="byteEnables">Bit n set: byte n counts.</param>
    void WriteConfig(int function, int offset, uint value, byte byteEnables);

    /// <summary>Finds the BAR that claims a host bus address: it is set, holds it, and its space is enabled.</summary>
    /// <returns>False for Unsupported Request.</returns>
    bool TryDecode(int function, ulong address, bool io, out int bar, out ulong offset);

    /// <summary>Whether an access to a BAR waits for the EP guest's QEMU: it leads to memory that is not shared. A slow path of
    /// the function then carries it out, not the thread that receives.</summary>
    bool WaitsForGuest(int function, int bar, ulong offset, int length);

    /// <summary>MRd or IORd into a BAR, through its inbound translations; doorbells and other registers included.</summary>
    /// <returns><see cref="RequestStatus.UnsupportedRequest"/> for Unsupported Request.</returns>
    RequestStatus ReadBar(int function, int bar, ulong offset, Span<byte> destination);

    /// <summary>
    /// Whether the EP guest has posted something that has not been carried out: the completion of a read may not pass it.
    /// </summary>
    bool HasPendingPostedWrites { get; }

    /// <summary>Waits, for a limited time, until it has been carried out. Not for the receiving thread.</summary>
    /// <returns>False where that took too long.</returns>
    bool DrainPostedWrites();

    /// <summary>MWr or IOWr into a BAR.</summary>
    /// <returns>As for <see cref="ReadBar"/>.</returns>
    RequestStatus WriteBar(int function, int bar, ulong offset, ReadOnlySpan<byte> source);

    /// <summary>
    /// The inbound translations of a BAR, resolved to the EP guest's memory as far as it is shared: what the bridge may
    /// use without asking. Parts that are missing (a doorbell, memory that is not shared) go as TLPs.
    /// </summary>
    IReadOnlyList<InboundMapping> ResolveInbound(int function, int bar);

    /// <summary>
    /// A request of the host cannot be served. To be called after its completion has been sent, if it takes one: the
    /// error is recorded as the function's configuration has it, and reported by a message.
    /// </summary>
    /// <param name="function">The function block.</param>
    /// <param name="request">The request.</param>
    /// <param name="error">Unsupported Request, Completer Abort, Poisoned TLP Received or Malformed TLP.</param>
    void RequestFailed(int function, in TlpHeader request, UncorrectableError error);

    /// <summary>
    /// Calls <paramref name="then"/> when the EP guest reaches no memory of the host any more but what it may reach now:
    /// at once, or from another thread when its QEMU has taken away what was mapped.
    /// </summary>
    void WhenWindowFollows(Action then);

    /// <summary>
    /// The host has lost the endpoint, but its QEMU keeps BARs mapped (--map-bars), and there is no way to take them away.
    /// </summary>
    void HostKeepsBars();

    /// <summary>The host reset one function (VFIO_USER_DEVICE_RESET at the bridge).</summary>
    void ResetFunction(int function, ResetKind kind);
}
