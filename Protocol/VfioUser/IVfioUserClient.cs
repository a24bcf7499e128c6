using EpfTest.Protocol.Memory;

namespace EpfTest.Protocol.VfioUser;

/// <summary>What a device may use, from any thread, of the client that is connected to it; empty while there is none.</summary>
internal interface IVfioUserClient
{
    /// <summary>The guest's memory, by bus address.</summary>
    DmaTable Memory { get; }

    /// <summary>The guest's interrupts.</summary>
    InterruptTable Interrupts { get; }

    /// <summary>
    /// Whether the client has posted something that has not been carried out yet: what it did afterwards is not to be acted
    /// upon before. Always false with a server that does not keep track. Not for the serving thread.
    /// </summary>
    bool HasPendingPostedWrites { get; }

    /// <summary>
    /// In <see cref="IVfioUserDevice.ClientDisconnected"/>, whether the client itself ended the connection, so that it has let
    /// go of all that it had of the device. For the serving thread.
    /// </summary>
    bool HasLeft { get; }

    /// <summary>Waits, for a limited time, until what the client has sent before this call has been carried out. Neither for
    /// the serving thread nor for one that it may be waiting for.</summary>
    /// <returns>False where that took too long.</returns>
    bool DrainPostedWrites();
}
