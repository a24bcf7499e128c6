using EpfTest.Protocol.Memory;

namespace EpfTest.Protocol.VfioUser;

/// <summary>The connected client as a device uses it, from any thread; without memory while none is
/// connected.</summary>
internal interface IVfioUserClient
{
    /// <summary>The guest's memory, by bus address.</summary>
    DmaTable Memory { get; }

    /// <summary>The guest's interrupts.</summary>
    InterruptTable Interrupts { get; }

    /// <summary>
    /// Whether posted writes of the client have not been carried out yet, so that nothing that it did later may be
    /// acted upon. Always false unless <see cref="VfioUserServerOptions.TracksPosted"/>. Not for the serving thread.
    /// </summary>
    bool HasPendingPostedWrites { get; }

    /// <summary>
    /// In <see cref="IVfioUserDevice.ClientDisconnected"/>, whether the client ended the connection, and so has
    /// released everything that it had mapped of the device. For the serving thread.
    /// </summary>
    bool HasLeft { get; }

    /// <summary>Waits until the messages that the client sent before this call have been carried out. Not for the
    /// serving thread, nor for a thread that it may be waiting for.</summary>
    /// <returns>False after a timeout.</returns>
    bool DrainPostedWrites();
}
