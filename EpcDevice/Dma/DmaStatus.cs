using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Dma;

/// <summary>Result of a descriptor: its status word.</summary>
internal enum DmaStatus : uint
{
    /// <summary>Not carried out, or not to its end.</summary>
    Pending = EpcRegister.DescStatusPending,
    /// <summary>All bytes are copied.</summary>
    Done = EpcRegister.DescStatusDone,
    /// <summary>The descriptor is invalid.</summary>
    BadDescriptor = EpcRegister.DescStatusBadDescriptor,
    /// <summary>The source cannot be read.</summary>
    SourceError = EpcRegister.DescStatusSourceError,
    /// <summary>The destination cannot be written.</summary>
    DestinationError = EpcRegister.DescStatusDestinationError,
    /// <summary>The link is down.</summary>
    LinkDown = EpcRegister.DescStatusLinkDown,
    /// <summary>The host has not enabled bus mastering.</summary>
    NotBusMaster = EpcRegister.DescStatusNotBusMaster,
}
