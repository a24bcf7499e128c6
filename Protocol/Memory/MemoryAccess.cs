using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EpfTest.Protocol.Memory;

/// <summary>A read or a write of memory, so that one loop over its pieces serves both directions.</summary>
internal readonly ref struct MemoryAccess
{
    private readonly Span<byte> _bytes;

    private MemoryAccess(ulong address, Span<byte> bytes, DmaAccess kind)
    {
        Address = address;
        _bytes = bytes;
        Kind = kind;
    }

    /// <summary>The first address.</summary>
    public ulong Address { get; }

    /// <summary><see cref="DmaAccess.Read"/> or <see cref="DmaAccess.Write"/>.</summary>
    public DmaAccess Kind { get; }

    public bool IsWrite => Kind == DmaAccess.Write;

    public int Length => _bytes.Length;

    /// <summary>Whether the last address is below the first.</summary>
    public bool Wraps => Length > 0 && Address + (ulong)(Length - 1) < Address;

    /// <summary>Where a read puts its bytes.</summary>
    public Span<byte> Destination
    {
        get
        {
            Debug.Assert(!IsWrite, "the bytes of a write are not ours to change");
            return _bytes;
        }
    }

    /// <summary>The bytes of a write.</summary>
    public ReadOnlySpan<byte> Source => _bytes;

    public static MemoryAccess Read(ulong address, Span<byte> destination) => new(address, destination, DmaAccess.Read);

    // Destination gives out the span for reads only.
    public static MemoryAccess Write(ulong address, ReadOnlySpan<byte> source) => new(
        address,
        MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(source), source.Length),
        DmaAccess.Write);

    /// <summary>The first <paramref name="length"/> bytes of it.</summary>
    public MemoryAccess First(int length) => new(Address, _bytes[..length], Kind);

    /// <summary>What follows the first <paramref name="length"/> bytes.</summary>
    public MemoryAccess Skip(int length) => new(Address + (ulong)length, _bytes[length..], Kind);

    /// <summary>The same bytes at another address.</summary>
    public MemoryAccess At(ulong address) => new(address, _bytes, Kind);
}
