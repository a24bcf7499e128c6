namespace EpfTest.Protocol.Pcie.ConfigurationSpace;

/// <summary>Bits of Status that a PCI Express function has (section 7.5.1.1.4).</summary>
[Flags]
internal enum PciStatus : ushort
{
    None = 0,

    /// <summary>An INTx interrupt is pending inside the function (read-only).</summary>
    InterruptStatus = 1 << 3,

    /// <summary>There is a capability list; always set (read-only).</summary>
    CapabilitiesList = 1 << 4,

    /// <summary>With Parity Error Response: a poisoned completion was received or a poisoned request sent.</summary>
    MasterDataParityError = 1 << 8,

    /// <summary>The function completed a request with Completer Abort.</summary>
    SignaledTargetAbort = 1 << 11,

    /// <summary>A request of the function was completed with Completer Abort.</summary>
    ReceivedTargetAbort = 1 << 12,

    /// <summary>A request of the function was completed with Unsupported Request.</summary>
    ReceivedMasterAbort = 1 << 13,

    /// <summary>With SERR# Enable: the function sent ERR_FATAL or ERR_NONFATAL.</summary>
    SignaledSystemError = 1 << 14,

    /// <summary>The function received a poisoned TLP.</summary>
    DetectedParityError = 1 << 15,

    /// <summary>The bits that the host clears by writing 1.</summary>
    Errors = MasterDataParityError | SignaledTargetAbort | ReceivedTargetAbort | ReceivedMasterAbort
        | SignaledSystemError | DetectedParityError,
}
