using EpfTest.Protocol.Linux;

namespace EpfTest.Protocol.Memory;

/// <summary>Reaches memory of the guest for which there is no descriptor.</summary>
internal interface IDmaMessenger
{
    /// <summary>Reads from bus address <paramref name="address"/> of the guest, waiting for its QEMU.</summary>
    Errno DmaRead(ulong address, Span<byte> destination);

    /// <summary>Writes to bus address <paramref name="address"/> of the guest, waiting for its QEMU.</summary>
    Errno DmaWrite(ulong address, ReadOnlySpan<byte> source);
}
