using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Memory;

/// <summary>The guest memory that a device may reach by DMA, by bus address; private memory by
/// <paramref name="messenger"/>.</summary>
internal sealed class DmaTable(IDmaMessenger messenger) : RangeTable
{
    /// <summary>Whether an access has to wait for the client, because part of it is private memory.</summary>
    public bool WaitsForClient(ulong address, int length) => Ranges.HasPrivate(address, (ulong)length);

    /// <inheritdoc/>
    protected override Errno AccessPrivate(MemoryAccess access) => messenger.Access(access);
}
