using EpfTest.Protocol.Link;

namespace EpfTest.EpcDevice.Dma;

/// <summary>A piece of a descriptor that is being read from the host while the one before it still is.</summary>
internal sealed class DmaRead(DmaPort port)
{
    /// <summary>Where the data goes.</summary>
    public GuestLanding Landing { get; } = new(port);

    /// <summary>The requests; none where the piece takes the way through the buffer.</summary>
    public PendingRead Pending { get; set; }

    /// <summary>The host's address.</summary>
    public ulong Source { get; set; }

    /// <summary>The EP guest's address.</summary>
    public ulong Destination { get; set; }

    /// <summary>Bytes.</summary>
    public int Length { get; set; }

    /// <summary>What the piece belongs to.</summary>
    public DmaDescriptor Descriptor { get; set; }

    /// <summary>Where that is in the EP guest's memory.</summary>
    public ulong DescriptorAddress { get; set; }

    /// <summary>Whether it is the descriptor's last.</summary>
    public bool IsLast { get; set; }

    /// <summary>Whether it writes what another range of the EP guest's addresses has.</summary>
    public bool Overlaps(ulong start, uint length) =>
        Destination < start + length && start < Destination + (ulong)Length;
}
