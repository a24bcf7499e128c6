using EpfTest.Protocol.Memory;

namespace EpfTest.EpcDevice.Guest;

/// <summary>A part of a BAR that is shared memory of the EP guest; offsets and size in bytes.</summary>
internal readonly record struct InboundMapping(
    ulong BarOffset, ulong Size, SharedFile File, ulong FileOffset, DmaAccess Access);
