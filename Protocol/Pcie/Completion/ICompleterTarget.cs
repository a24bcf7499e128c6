using EpfTest.Protocol.Pcie.Tlp;

namespace EpfTest.Protocol.Pcie.Completion;

/// <summary>What a completer gives access to: a function with its BARs, or a root complex with its memory.</summary>
/// <remarks>Called by the receiving thread, and by the slow path for routes that are private.</remarks>
internal interface ICompleterTarget
{
    /// <summary>Whether there is anything to complete requests with.</summary>
    bool IsPresent { get; }

    /// <summary>Max_Payload_Size of completions, in bytes.</summary>
    int MaxPayload { get; }

    /// <summary>Max_Payload_Size of arriving TLPs, in bytes.</summary>
    int MaxReceivedPayload { get; }

    /// <summary>RCB in bytes.</summary>
    int ReadCompletionBoundary { get; }

    /// <summary>Whether the guest behind has posted writes that a completion may not pass.</summary>
    bool HasPendingPostedWrites { get; }

    /// <summary>Waits, for a limited time, until they have been carried out. Not for the receiving thread.</summary>
    /// <returns>False on time-out.</returns>
    bool DrainPostedWrites();

    /// <summary>Finds what a memory or I/O request leads to.</summary>
    /// <returns>False if nothing claims its address.</returns>
    bool TryRoute(in TlpHeader request, out Route route);

    /// <summary>Reads from a route.</summary>
    RequestStatus Read(in Route route, Span<byte> destination);

    /// <summary>Writes to a route.</summary>
    RequestStatus Write(in Route route, ReadOnlySpan<byte> source);

    /// <summary>CfgRd0.</summary>
    /// <returns>False if the target has no configuration space.</returns>
    bool TryReadConfig(int offset, out uint value);

    /// <summary>CfgWr0.</summary>
    /// <param name="offset">Bytes, a multiple of 4.</param>
    /// <param name="value">The DW.</param>
    /// <param name="byteEnables">Bit n set: byte n counts.</param>
    /// <param name="complete">Called once the write has taken effect, by any thread.</param>
    /// <returns>False if the target has no configuration space.</returns>
    bool TryWriteConfig(int offset, uint value, byte byteEnables, Action complete);

    /// <summary>Takes a message.</summary>
    void ReceiveMessage(in TlpHeader message);

    /// <summary>Records and logs a request that failed, before its completion is sent.</summary>
    void RecordFailure(in TlpHeader request, RequestStatus status);

    /// <summary>Records and logs a malformed TLP.</summary>
    void RecordMalformed(in TlpHeader request);
}
