namespace EpfTest.Protocol.Link;

/// <summary>Kind of a frame; <c>docs/link-protocol.md</c> has the payloads.</summary>
internal enum FrameKind : ushort
{
    /// <summary>The first frame of each side: version, role, capabilities.</summary>
    Hello = 1,
    /// <summary>Why the other side is refused; the connection ends.</summary>
    Refuse = 2,
    /// <summary>A TLP.</summary>
    Tlp = 3,
    /// <summary>A link request has been carried out.</summary>
    Acknowledge = 4,
    /// <summary>Endpoint to bridge: describes a function.</summary>
    Function = 16,
    /// <summary>Endpoint to bridge: where the host placed a BAR.</summary>
    BarAddress = 17,
    /// <summary>Endpoint to bridge, request: make the functions visible to the host.</summary>
    LinkUp = 18,
    /// <summary>Endpoint to bridge, request: detach them.</summary>
    LinkDown = 19,
    /// <summary>Endpoint to bridge: the memory behind a part of a BAR.</summary>
    InboundAdd = 20,
    /// <summary>Endpoint to bridge, request: drop the memory behind a BAR.</summary>
    InboundInvalidate = 21,
    /// <summary>Bridge to endpoint: a range of host memory.</summary>
    MemoryAdd = 32,
    /// <summary>Bridge to endpoint, request: drop a range of host memory.</summary>
    MemoryInvalidate = 33,
    /// <summary>Bridge to endpoint, request: drop all host memory of a function.</summary>
    MemoryInvalidateAll = 34,
    /// <summary>Bridge to endpoint, request: reset a function.</summary>
    FunctionReset = 35,
    /// <summary>Bridge to endpoint: whether the host's QEMU has a BAR mapped.</summary>
    BarMapped = 36,
    /// <summary>Bridge to endpoint: the eventfd of an MSI or MSI-X vector.</summary>
    InterruptAdd = 37,
    /// <summary>Bridge to endpoint, request: stop signalling some vectors.</summary>
    InterruptInvalidate = 38,
    /// <summary>Bridge to endpoint: a memory write of the function failed at the host's memory.</summary>
    WriteFailed = 39,
}
