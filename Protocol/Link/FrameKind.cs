namespace EpfTest.Protocol.Link;

/// <summary>What a frame carries; <c>docs/link-protocol.md</c> has their payloads.</summary>
internal enum FrameKind : ushort
{
    /// <summary>Who speaks which version; the first frame of each side.</summary>
    Hello = 1,
    /// <summary>Why the other side is not spoken to; the connection ends.</summary>
    Refuse = 2,
    /// <summary>A TLP.</summary>
    Tlp = 3,
    /// <summary>An order that asked for it has been carried out.</summary>
    Acknowledge = 4,
    /// <summary>Endpoint to bridge: what a function is.</summary>
    Function = 16,
    /// <summary>Endpoint to bridge: where the host placed a BAR.</summary>
    BarAddress = 17,
    /// <summary>Endpoint to bridge: offer the functions to the host.</summary>
    LinkUp = 18,
    /// <summary>Endpoint to bridge: take them away.</summary>
    LinkDown = 19,
    /// <summary>Endpoint to bridge: a part of a BAR is this memory.</summary>
    InboundAdd = 20,
    /// <summary>Endpoint to bridge: forget what a BAR is.</summary>
    InboundInvalidate = 21,
    /// <summary>Bridge to endpoint: host memory.</summary>
    MemoryAdd = 32,
    /// <summary>Bridge to endpoint: forget a range of host memory.</summary>
    MemoryInvalidate = 33,
    /// <summary>Bridge to endpoint: forget all host memory of a function.</summary>
    MemoryInvalidateAll = 34,
    /// <summary>Bridge to endpoint: the host resets a function.</summary>
    FunctionReset = 35,
    /// <summary>Bridge to endpoint: the host's QEMU has, or has no more, a BAR mapped.</summary>
    BarMapped = 36,
    /// <summary>Bridge to endpoint: the eventfd that an MSI or MSI-X vector signals.</summary>
    InterruptAdd = 37,
    /// <summary>Bridge to endpoint: signal some vectors no more.</summary>
    InterruptInvalidate = 38,
}
