using System.Buffers.Binary;
using EpfTest.EpcDevice.Registers;

namespace EpfTest.EpcDevice.Dma;

/// <summary>What a descriptor asks for (<c>docs/registers.md</c>, "DMA channels").</summary>
/// <param name="Source">Address of the first byte to read, of the host or the EP guest.</param>
/// <param name="Destination">Address of the first byte to write, likewise.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Flags">EPC_DESC_FLAG_*.</param>
/// <param name="Address">EP-local address of the descriptor itself.</param>
internal readonly record struct DmaDescriptor(
    ulong Source, ulong Destination, uint Length, uint Flags, ulong Address)
{
    private const uint KnownFlags = EpcRegister.DescFlagInterrupt | EpcRegister.DescFlagSourceHost
        | EpcRegister.DescFlagDestinationHost;

    /// <summary>Whether the source is a host bus address.</summary>
    public bool SourceIsHost => (Flags & EpcRegister.DescFlagSourceHost) != 0;

    /// <summary>Whether the destination is a host bus address.</summary>
    public bool DestinationIsHost => (Flags & EpcRegister.DescFlagDestinationHost) != 0;

    /// <summary>Whether its completion interrupts.</summary>
    public bool Interrupts => (Flags & EpcRegister.DescFlagInterrupt) != 0;

    public bool IsValid => Length > 0
        && (Flags & ~KnownFlags) == 0
        && Source + (Length - 1) >= Source
        && Destination + (Length - 1) >= Destination;

    /// <summary>Decodes the descriptor that <paramref name="bytes"/> start with.</summary>
    public static DmaDescriptor Parse(ReadOnlySpan<byte> bytes, ulong address) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[EpcRegister.DescSource..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[EpcRegister.DescDestination..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[EpcRegister.DescLength..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[EpcRegister.DescFlags..]),
        address);
}
