using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.VfioUser;

/// <summary>Has the client's eventfds signalled elsewhere than by <see cref="InterruptTable.Trigger"/>.</summary>
internal interface ISignalBorrower
{
    /// <summary>
    /// Offers the eventfd of a vector that has just been signalled; it may be signalled until <see cref="Return"/>, as long as
    /// a duplicate of it is open. The table's lock is held: nothing may be waited for.
    /// </summary>
    /// <param name="index">The type.</param>
    /// <param name="vector">From 0.</param>
    /// <param name="signal">Stays the table's.</param>
    /// <returns>False where it is not borrowed; it is then offered again at the next interrupt.</returns>
    bool TryBorrow(IrqIndex index, int vector, FileDescriptor signal);

    /// <summary>
    /// The client is about to change vectors of which some are borrowed. On return none of them is signalled any more
    /// but by the table. Called by the thread that serves the client.
    /// </summary>
    void Return(IrqIndex index, int start, int count);
}
