using EpfTest.Protocol.Memory;

namespace EpfTest.EpcDevice.Guest;

/// <summary>A part of a BAR that is memory which the EP guest's QEMU shares.</summary>
/// <param name="BarOffset">Bytes from the start of the BAR.</param>
/// <param name="Size">Bytes.</param>
/// <param name="File">What holds it.</param>
/// <param name="FileOffset">Where in <paramref name="File"/>, in bytes.</param>
/// <param name="Access">What the host may do.</param>
internal readonly record struct InboundMapping(
    ulong BarOffset, ulong Size, SharedFile File, ulong FileOffset, DmaAccess Access);
