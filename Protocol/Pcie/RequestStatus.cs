namespace EpfTest.Protocol.Pcie;

/// <summary>Result of a request on PCI Express, for its requester and for its completer.</summary>
internal enum RequestStatus
{
    /// <summary>SC; a posted write that was sent, of which no more is known.</summary>
    Success,

    /// <summary>UR: nothing claims the address, or the request's kind is not supported (section 2.3.1).</summary>
    UnsupportedRequest,

    /// <summary>CA: the completer claims the address and cannot or must not carry the request out (section
    /// 2.3.1).</summary>
    CompleterAbort,

    /// <summary>The data has its EP bit set and must not be used (section 2.7.2).</summary>
    Poisoned,

    /// <summary>CTO: no completion in time (section 2.8).</summary>
    CompletionTimeout,

    /// <summary>The function may not issue requests: Bus Master Enable is off, or it is not in D0.</summary>
    NotBusMaster,

    /// <summary>The link is down.</summary>
    LinkDown,

    /// <summary>The request was given up because the two guests' QEMUs wait for each other.</summary>
    WouldDeadlock,

    /// <summary>The requester was stopped while the request was under way.</summary>
    Cancelled,
}
