using EpfTest.Protocol.GuestMemory;

namespace EpfTest.Protocol.VfioUser;

/// <summary>What a device may use, from any thread, of the client that is connected to it; empty while there is none.</summary>
public interface IVfioUserClient
{
    /// <summary>The guest's memory, by bus address.</summary>
    DmaTable Memory { get; }

    /// <summary>The guest's interrupts.</summary>
    InterruptTable Interrupts { get; }
}
