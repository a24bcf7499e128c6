using EpfTest.EpcDevice.Guest;
using EpfTest.Protocol.Pcie;
using EpfTest.Protocol.Pcie.ConfigurationSpace;
using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.EpcDevice.Link;

/// <summary>A function of the endpoint, as requests of the host reach it.</summary>
/// <remarks>Called by the link's receiving thread, which must not wait for a QEMU, and by the function's slow path.
/// <see cref="ReadBar"/> and <see cref="WriteBar"/> wait for the EP guest's QEMU where <see cref="IsPrivate"/> is true.
/// </remarks>
internal interface IFunction
{
    /// <summary>Which function it is.</summary>
    FunctionId Id { get; }

    /// <summary>Whether the host can see it.</summary>
    bool IsVisible { get; }

    /// <summary>Changes whenever the host has moved, enabled or disabled BARs.</summary>
    int BarGeneration { get; }

    /// <summary>What the host may know of the function; null while it is not visible.</summary>
    FunctionDescription? Describe();

    /// <summary>MPS and MRRS in bytes, and Extended Tag Field Enable, as the host has set them.</summary>
    (int MaxPayload, int MaxReadRequest, bool ExtendedTags) TransferLimits();

    /// <summary>CfgRd0; all ones while the function is not visible.</summary>
    /// <param name="offset">Bytes, a multiple of 4, below 4096.</param>
    uint ReadConfig(int offset);

    /// <summary>CfgWr0.</summary>
    /// <param name="offset">Bytes, a multiple of 4, below 4096.</param>
    /// <param name="value">The DW.</param>
    /// <param name="byteEnables">Bit n set: byte n counts.</param>
    void WriteConfig(int offset, uint value, byte byteEnables);

    /// <summary>Finds the BAR that claims a host bus address: it is set, contains it, and its space is
    /// enabled.</summary>
    /// <returns>False for Unsupported Request.</returns>
    bool TryDecode(ulong address, bool io, out int bar, out ulong offset);

    /// <summary>Whether an access to a BAR leads to private memory of the EP guest.</summary>
    bool IsPrivate(int bar, ulong offset, int length);

    /// <summary>MRd or IORd of a BAR through its inbound translations; the doorbell included.</summary>
    RequestStatus ReadBar(int bar, ulong offset, Span<byte> destination);

    /// <summary>MWr or IOWr of a BAR.</summary>
    RequestStatus WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source);

    /// <summary>
    /// A BAR's inbound translations, resolved to the EP guest's shared memory: what the bridge may use without asking.
    /// Missing parts (a doorbell, private memory) take TLPs.
    /// </summary>
    IReadOnlyList<InboundMapping> ResolveInbound(int bar);

    /// <summary>
    /// Records a request of the host that failed, and reports it by a message as the function's configuration says.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="error">Unsupported Request, Completer Abort, Poisoned TLP Received or Malformed TLP.</param>
    void RecordFailure(in TlpHeader request, UncorrectableError error);

    /// <summary>Records a posted write of the function that failed at the host's memory.</summary>
    /// <param name="address">Host bus address.</param>
    /// <param name="status">How it failed.</param>
    void RecordFailedWrite(ulong address, RequestStatus status);

    /// <summary>Logs how many of the function's requests failed: the link has ended.</summary>
    void LogFailedRequests();

    /// <summary>The host resets the function.</summary>
    void ResetByHost(ResetKind kind);
}
