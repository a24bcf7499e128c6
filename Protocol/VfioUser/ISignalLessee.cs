using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>Leases the client's eventfds, to signal them without calling
/// <see cref="InterruptTable.Trigger"/>.</summary>
internal interface ISignalLessee
{
    /// <summary>
    /// Offers the eventfd of a vector that was just signalled. A lessee may signal a duplicate of it until
    /// <see cref="Return"/>. Called with the table's lock held, so it must not wait.
    /// </summary>
    /// <param name="index">The interrupt type.</param>
    /// <param name="vector">Counted from 0.</param>
    /// <param name="signal">Owned by the table.</param>
    /// <returns>False to decline; the next interrupt of the vector offers it again.</returns>
    bool TryLease(IrqIndex index, int vector, FileDescriptor signal);

    /// <summary>
    /// Ends the leases of these vectors, because the client is about to change them. On return only the table signals
    /// them. Called by the thread that serves the client.
    /// </summary>
    void Return(IrqIndex index, int start, int count);
}
