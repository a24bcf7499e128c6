namespace EpfTest.Protocol.Memory;

/// <summary>A range of addresses with memory, such as one that a client mapped for DMA (VFIO_USER_DMA_MAP).</summary>
internal readonly record struct DmaRange
{
    internal DmaRange(ulong address, ulong size, DmaAccess access, SharedFile? file, ulong fileOffset)
    {
        Address = address;
        Size = size;
        Access = access;
        File = file;
        FileOffset = fileOffset;
    }

    /// <summary>The first address.</summary>
    public ulong Address { get; }

    /// <summary>Bytes; at least 1, and the last address does not wrap.</summary>
    public ulong Size { get; }

    /// <summary>The accesses that are allowed.</summary>
    public DmaAccess Access { get; }

    /// <summary>The file that holds the memory; null for private memory.</summary>
    public SharedFile? File { get; }

    /// <summary>Where in <see cref="File"/> the range starts, in bytes.</summary>
    public ulong FileOffset { get; }

    /// <summary>How the range is accessed.</summary>
    public DmaBacking Backing => File?.Backing ?? DmaBacking.Messages;

    /// <inheritdoc/>
    public override string ToString() => $"[0x{Address:x}, 0x{Address + (Size - 1):x}] by {Backing}";
}
